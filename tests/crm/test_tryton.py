"""The Tryton module in a real trytond on SQLite, driven over its RPC.

    test_tryton.py SOURCE_DIR LIBRARY

Run by the Python that Tryton belongs to. Exit status 77: skipped, with the reason: making a database
takes Tryton up to a minute, so only PZ_FULL=1 does that. The server listens on a free port of the
loopback, its files live in a scratch folder, it is stopped by its pid.
"""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(sys.argv[1])
LIBRARY = sys.argv[2]
# Parties and their languages, before the module is there. Gustav was replaced by Greta.
EARLIER = (("Greta", "de"), ("Gustav", "de"), ("Bianca", "it"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from ports import free_port  # noqa: E402


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


if os.environ.get("PZ_FULL", "0") in ("", "0"):
    skip("PZ_FULL=1 runs it")
try:
    import trytond
    from proteus import Model, Wizard, config
    import trytond.modules.party  # noqa: F401
except ImportError as error:
    skip(error)
if not shutil.which("trytond") or not shutil.which("trytond-admin"):
    skip("no trytond")
if not trytond.__version__.startswith("6.0."):
    skip(f"trytond {trytond.__version__}; the module is for 6.0")


def run(scratch):
    port = free_port()
    (scratch / "db").mkdir()
    (scratch / "db/crm.sqlite").touch()
    (scratch / "password").write_text("admin\n")
    (scratch / "trytond.conf").write_text(f"""[database]
uri = sqlite://
[web]
listen = 127.0.0.1:{port}
[session]
authentications = password
[personalize]
catalog = {SOURCE}/examples/postgresql/crm.json
store = lmdb:{scratch}/customers
""")
    env = dict(os.environ, TRYTONPASSFILE=str(scratch / "password"), TRYTOND_DATABASE__PATH=str(scratch / "db"),
               PYTHONPATH=f"{SOURCE}/examples/tryton:{SOURCE}/bindings/python", PERSONALIZE_LIBRARY=LIBRARY,
               PYTHONDONTWRITEBYTECODE="1", PYTHONWARNINGS="ignore")
    conf = str(scratch / "trytond.conf")
    # A CRM that had parties before it had the module.
    administer(scratch, env, conf, "--all", "-u", "party", "--activate-dependencies", "--email", "admin@example.com",
               "-l", "en", "de", "fr")
    with contextlib.closing(sqlite3.connect(scratch / "db/crm.sqlite")) as database:
        for name, code in EARLIER:
            database.execute("INSERT INTO party_party (name, code, active) VALUES (?, ?, 1)", (name, name))
            database.execute("INSERT INTO party_party_lang (party, lang) SELECT p.id, l.id FROM party_party p, ir_lang l "
                             "WHERE p.name = ? AND l.code = ?", (name, code))
        database.execute("UPDATE party_party SET replaced_by = (SELECT id FROM party_party WHERE name = 'Greta') "
                         "WHERE name = 'Gustav'")
        database.commit()
    administer(scratch, env, conf, "-v", "-u", "personalize", "--activate-dependencies")
    # A table of a hundred thousand fills no log: those whose language is none of the catalog's are told together.
    told = re.findall("of 2 parties 1 say what the catalog does not know, such as party crm/[0-9]+: .*",
                      (scratch / "log").read_text())
    assert len(told) == 1 and '"it"' in told[0], (scratch / "log").read_text()[-4000:]
    # What the store has lost since is said again by an update.
    shutil.rmtree(scratch / "customers")
    administer(scratch, env, conf, "-u", "personalize")
    serve(scratch, env, port, drive)
    # The same database, and a catalog that is broken.
    broken = scratch / "broken.json"
    broken.write_text('{"catalog": "crm", ')
    text = pathlib.Path(conf).read_text().replace(f"{SOURCE}/examples/postgresql/crm.json", str(broken))
    pathlib.Path(conf).write_text(text)
    serve(scratch, env, port, drive_without_catalog)
    print("parties, choices, roll back, deletion and a broken catalog over RPC: as they should be")


def administer(scratch, env, conf, *arguments):
    with open(scratch / "log", "a") as log:
        made = subprocess.run([sys.executable, shutil.which("trytond-admin"), "-c", conf, "-d", "crm", *arguments],
                              env=env, stdout=log, stderr=log)
    assert made.returncode == 0, (scratch / "log").read_text()[-4000:]


def serve(scratch, env, port, drive):
    with open(scratch / "log", "a") as log:
        server = subprocess.Popen([sys.executable, shutil.which("trytond"), "-c", str(scratch / "trytond.conf")],
                                  env=env, stdout=log, stderr=log)
    try:
        wait(port, server, scratch)
        drive(port)
    except BaseException:
        print((scratch / "log").read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        server.terminate()
        server.wait(30)


def wait(port, server, scratch):
    for _ in range(600):
        assert server.poll() is None, (scratch / "log").read_text()[-4000:]
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def drive(port):
    config.set_xmlrpc(f"http://admin:admin@127.0.0.1:{port}/crm/")
    Party, Lang = Model.get("party.party"), Model.get("ir.lang")
    lang = {code: Lang.find([("code", "=", code)])[0] for code in ("en", "de", "fr")}

    # Parties that were there before the module are customers like all others; who was replaced, and who speaks
    # what the catalog does not know, are no worse for it.
    letters = {party.name: (party.letter, "recorded" in party.letter_reason) for party in Party.find(
        [("name", "in", [name for name, _ in EARLIER]), ("active", "in", [True, False])])}
    assert letters == {"Greta": ("hallo", True), "Gustav": ("hello", False), "Bianca": ("hello", False)}, letters

    ann = Party(name="Ann", lang=lang["fr"])
    ann.save()
    assert ann.letter == "hello" and ann.chosen_language is None, (ann.letter, ann.chosen_language)

    # A fact of the CRM decides, and follows what the CRM records.
    ann.lang = lang["de"]
    ann.save()
    ann.reload()
    assert ann.letter == "hallo", ann.letter
    assert 'language is "de"' in ann.letter_reason and "recorded" in ann.letter_reason, ann.letter_reason

    # A choice from the form counts at once and stands above the fact, whatever is recorded later.
    ann.chosen_language = "en"
    ann.save()
    ann.reload()
    assert (ann.letter, ann.chosen_language) == ("hello", "en"), (ann.letter, ann.chosen_language)
    ann.lang = lang["de"]
    ann.name = "Ann Example"
    ann.save()
    ann.reload()
    assert (ann.letter, ann.chosen_language) == ("hello", "en"), (ann.letter, ann.chosen_language)

    # Emptied, it is taken back, and the fact shows again.
    ann.chosen_language = None
    ann.save()
    ann.reload()
    assert (ann.letter, ann.chosen_language) == ("hallo", None), (ann.letter, ann.chosen_language)

    # What a transaction that fails wanted to say is not said: the code of a party is unique.
    bob = Party(name="Bob", code="B1")
    bob.save()
    try:
        Party.write([ann.id], {"chosen_language": "en", "code": "B1"}, config.get_config().context)
    except Exception as error:
        assert "code" in str(error).lower(), error
    else:
        raise AssertionError("two parties have one code")
    ann.reload()
    assert (ann.letter, ann.chosen_language) == ("hallo", None), "a rolled back choice was heard"

    # A language that is on record no more is a fact no more, also where the new one is none of the catalog's.
    for other in (None, Lang.find([("code", "not in", list(lang))], limit=1)[0]):
        ann.lang = other
        ann.save()
        ann.reload()
        assert ann.letter == "hello", (other and other.code, ann.letter)
        ann.lang = lang["de"]
        ann.save()
        ann.reload()
        assert ann.letter == "hallo", ann.letter

    # A party that replaces another takes over what the customer chose, not what was recorded.
    old, new = Party(name="Cem", lang=lang["fr"]), Party(name="Cem", lang=lang["de"])
    old.save()
    new.save()
    old.name = "Cem"
    old.save()
    replace = Wizard("party.replace", [old])
    replace.form.destination = new
    replace.execute("replace")
    new.reload()
    assert (new.letter, new.chosen_language) == ("hallo", None), (new.letter, new.chosen_language)
    old, new = Party(name="Dora"), Party(name="Dora", lang=lang["en"])
    old.chosen_language = "de"
    old.save()
    new.save()
    replace = Wizard("party.replace", [old])
    replace.form.destination = new
    replace.execute("replace")
    new.reload()
    assert (new.letter, new.chosen_language) == ("hallo", "de"), (new.letter, new.chosen_language)
    new.chosen_language = None
    new.save()
    new.reload()
    assert (new.letter, new.chosen_language) == ("hello", None), (new.letter, new.chosen_language)

    # A deleted party is forgotten; others are not.
    bob.chosen_language = "de"
    bob.save()
    ann.delete()
    bob.reload()
    assert bob.letter == "hallo", bob.letter


def drive_without_catalog(port):
    """What the CRM records would never be a fact: the party is refused, and nothing is lost in silence."""
    config.set_xmlrpc(f"http://admin:admin@127.0.0.1:{port}/crm/")
    Party, Lang = Model.get("party.party"), Model.get("ir.lang")
    german = Lang.find([("code", "=", "de")])[0]
    try:
        Party.create([{"name": "Eve", "lang": german.id}], config.get_config().context)
    except Exception as error:
        assert "broken.json:1:" in str(error), error
    else:
        raise AssertionError("a party was written whose language is no fact")
    assert not Party.find([("name", "=", "Eve")])


with tempfile.TemporaryDirectory(prefix="pz-tryton.") as folder:
    run(pathlib.Path(folder))
