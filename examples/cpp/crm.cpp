// crm.cpp: a small CRM in C++17 whose letters are personalised.
//
//     crm CATALOG STORE < parties.csv
//
// Reads one line a party (identifier, name, language, age, number of orders; an empty field is not
// known), keeps what is known as facts and orders as events, lets one customer choose otherwise, and
// prints a letter for each with the reason. examples/postgresql/crm.json is a catalog for it.
#include "personalize.hpp"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <optional>
#include <sstream>

namespace {

struct Party {
    std::string email, name, language;
    std::optional<int> age;
    int orders = 0;
};

std::optional<Party> read_party(std::istream &in)
{
    std::string line, age, orders;
    if (!std::getline(in, line))
        return std::nullopt;
    Party party;
    std::istringstream fields(line);
    std::getline(fields, party.email, ',');
    std::getline(fields, party.name, ',');
    std::getline(fields, party.language, ',');
    std::getline(fields, age, ',');
    std::getline(fields, orders, ',');
    if (!age.empty())
        party.age = std::stoi(age);
    if (!orders.empty())
        party.orders = std::stoi(orders);
    return party;
}

// What the CRM knows: fields are facts, orders are events, each with an id of its own, so that the
// same import may run again.
void keep(crm::Profile &profile, const Party &party)
{
    crm::Pool pool;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();

    if (!party.language.empty())
        profile.declare("language", std::string_view(party.language), {"import", "crm"});
    if (party.age)
        profile.declare("age", *party.age, {"import", "crm"});
    for (int i = 0; i < party.orders; i++) {
        const std::string id = party.email + "/" + std::to_string(i);
        profile.observe(pool.map({{"kind", crm::value("order")},
                                  {"source", crm::value("crm")},
                                  {"id", crm::value(std::string_view(id))},
                                  {"time", pz_value_time_ms(ms)},
                                  {"total", crm::value(20.0 + i)}}));
    }
}

void print_letter(crm::Context &context, const crm::Profile &profile, const Party &party)
{
    context.begin({{"channel", crm::value("mail")}});
    const crm::Decision letter = context.decide("letter", &profile);
    std::cout << party.name << ": " << letter.text("hello") << " (" << letter.reason();
    if (!letter.rule().empty())
        std::cout << " by rule " << letter.rule();
    std::cout << ")";
    for (const auto &segment : context.segments(profile))
        std::cout << " #" << segment;
    std::cout << "\n";
}

// On the phone the last customer says otherwise, which counts at once, and may take it back.
void choose_otherwise(crm::Context &context, crm::Profile &profile, const Party &party)
{
    profile.choose("language", "de", {"phone", "agent:7"});
    print_letter(context, profile, party);
    std::cout << context.explain(context.decide("letter", &profile));
    profile.clear("language");
    print_letter(context, profile, party);
}

// A mistake is an exception with the remedy, and nothing has changed.
void mistake(crm::Profile &profile)
{
    try {
        profile.choose("langage", "de");
        std::cout << "this was to be refused\n";
    } catch (const crm::Error &error) {
        std::cout << pz_status_name(error.status) << ": " << error.what() << "\n";
    }
}

// Everybody in the store; a visit that throws ends there and has no hold on the store, however often.
void count_everybody(const crm::Engine &engine)
{
    int count = 0, ended = 0;

    engine.each([&](const pz_profile *) { count++; });
    for (int i = 0; i < 200; i++) {
        try {
            engine.each([](const pz_profile *) { throw std::runtime_error("that is enough"); });
        } catch (const std::runtime_error &) {
            ended++;
        }
    }
    std::cout << count << " customers; " << ended << " visits ended early\n";
}

int run(const char *catalog, const char *store)
{
    const crm::Engine engine(catalog, store);
    crm::Context context(engine);

    while (const auto party = read_party(std::cin)) {
        crm::Profile profile(engine, "email", party->email.c_str());
        keep(profile, *party);
        print_letter(context, profile, *party);
        if (std::cin.peek() != std::istream::traits_type::eof())
            continue;
        choose_otherwise(context, profile, *party);
        mistake(profile);
    }
    count_everybody(engine);
    return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << "usage: crm CATALOG STORE < parties.csv\n";
        return 2;
    }
    try {
        return run(argv[1], argv[2]);
    } catch (const std::exception &error) {
        std::cerr << "crm: " << error.what() << "\n";
        return EXIT_FAILURE;
    }
}
