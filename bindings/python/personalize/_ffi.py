"""The C library as ctypes sees it: where it is, its structs, and every function with its types.

This is the only module that mentions ctypes. A test compares the table below with the public
headers, type by type, and with what the library exports.

Finding the library, in this order:

1. ``PERSONALIZE_LIBRARY``, a full path. If it is set and cannot be loaded, that is an error: a
   wrong setting is never papered over.
2. ``libpersonalize.so.0.1`` beside this package's files (a wheel), or in the folder above the
   package's folder (a build tree: ``build/libpersonalize.so.0.1`` and ``build/python/personalize``).
3. The soname, by the system's own search.
4. ``ctypes.util.find_library``.

The store on Redis is a library of its own, looked for at the first use of a "redis:" address: by
``PERSONALIZE_REDIS_LIBRARY``, beside the library that was loaded, then as above.
"""
from __future__ import annotations

import ctypes
import ctypes.util
import os
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple
from ctypes import (
    CFUNCTYPE, POINTER, Structure, byref, c_bool, c_char, c_char_p, c_double, c_int, c_int64,
    c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p, cast, pointer, sizeof, string_at)

#: What the other modules take from ctypes, which they do not mention.
__all__ = ["byref", "c_bool", "c_uint32", "c_uint64", "c_void_p", "cast", "pointer", "sizeof"]

VERSION_MAJOR, VERSION_MINOR = 0, 1
ABI = str(VERSION_MAJOR) if VERSION_MAJOR else f"0.{VERSION_MINOR}"
SONAME = f"libpersonalize.so.{ABI}"
REDIS_SONAME = f"libpersonalize-redis.so.{ABI}"


class Str(Structure):
    """pz_str: borrowed text, pointer and length."""
    _fields_ = [("data", c_void_p), ("len", c_size_t)]


class Error(Structure):
    """pz_error, owned by the caller."""
    _fields_ = [("size", c_uint32), ("status", c_int), ("line", c_uint32), ("column", c_uint32),
                ("message", c_char * 512)]


class Alloc(Structure):
    """pz_alloc. Python always uses the library's own heap and passes NULL."""
    _fields_ = [("fn", c_void_p), ("payload", c_void_p)]


class Value(Structure):
    """pz_value. The union is eight bytes read as a signed integer: ctypes does not promise to pass
    unions by value, and an integer travels in the same register."""
    _fields_ = [("kind", c_uint32), ("len", c_uint32), ("bits", c_int64)]


class Entry(Structure):
    """pz_entry: key and value of a map."""
    _fields_ = [("key", Value), ("value", Value)]


class Function(Structure):
    """pz_function. The callback is a HOST_FN."""
    _fields_ = [("name", c_char_p), ("signature", c_char_p), ("call", c_void_p),
                ("payload", c_void_p)]


class RecordSink(Structure):
    """pz_record_sink; the callbacks are a TAKE_FN and an ERASE_FN."""
    _fields_ = [("size", c_uint32), ("payload", c_void_p), ("take", c_void_p),
                ("erase", c_void_p)]


class EngineOptions(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("catalog", c_char_p),
                ("store", c_char_p), ("alloc", POINTER(Alloc)), ("clock", c_void_p),
                ("clock_payload", c_void_p), ("skew_ms", c_int64), ("store_bytes", c_uint64),
                ("module", c_void_p), ("functions", POINTER(Function)),
                ("function_count", c_size_t), ("records", POINTER(RecordSink)),
                ("hooks", c_void_p)]


class StoreOptions(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("alloc", POINTER(Alloc)),
                ("store_bytes", c_uint64), ("module", c_void_p), ("hooks", c_void_p)]


class StoreInfo(Structure):
    _fields_ = [("size", c_uint32), ("format", c_uint32), ("backend", c_char * 16),
                ("writer", c_char * 37), ("profiles", c_uint64), ("bytes", c_uint64),
                ("longest", c_uint64), ("identifiers", c_uint64), ("links", c_uint64),
                ("remembered", c_uint64), ("streams", c_uint64), ("entries", c_uint64),
                ("map_bytes", c_uint64), ("file_bytes", c_uint64), ("used_bytes", c_uint64),
                ("free_bytes", c_uint64), ("readers", c_uint32), ("readers_max", c_uint32)]


class StoreProgress(Structure):
    _fields_ = [("size", c_uint32), ("done", c_uint64), ("total", c_uint64)]


class StoreFault(Structure):
    _fields_ = [("size", c_uint32), ("kind", c_int), ("key", Str), ("identifier", Str),
                ("status", c_int), ("message", c_char_p)]


class StoreWatch(Structure):
    """pz_store_watch; the callbacks are a PROGRESS_FN and a FAULT_FN."""
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("progress", c_void_p),
                ("fault", c_void_p), ("payload", c_void_p)]


class StoreOutcome(Structure):
    _fields_ = [("size", c_uint32), ("is_resumed", c_bool), ("is_whole", c_bool),
                ("profiles", c_uint64), ("added", c_uint64), ("joined", c_uint64),
                ("unchanged", c_uint64), ("erased", c_uint64), ("left_out", c_uint64),
                ("rewritten", c_uint64), ("entries", c_uint64), ("faults", c_uint64),
                ("bytes_before", c_uint64), ("bytes_after", c_uint64)]


class RecordOptions(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("note", c_char_p), ("durability", c_int)]


class RecordQuery(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("from", c_uint64), ("limit", c_uint64),
                ("subject", c_char_p), ("id", c_char_p)]


class Write(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("at_ms", c_int64), ("now_ms", c_int64),
                ("expires_ms", c_int64), ("channel", c_char_p), ("who", c_char_p),
                ("writer", c_char_p), ("durability", c_int)]


class Span(Structure):
    _fields_ = [("from_ms", c_int64), ("to_ms", c_int64)]


class Tcf(Structure):
    _fields_ = [("size", c_uint32), ("cmp_id", c_uint16), ("cmp_version", c_uint16),
                ("vendor_list_version", c_uint16), ("policy_version", c_uint8), ("screen", c_uint8),
                ("language", c_char_p), ("publisher_country", c_char_p)]


class Resolution(Structure):
    _fields_ = [("size", c_uint32), ("is_resolved", c_bool), ("has_confidence", c_bool),
                ("value", Value), ("tier", c_char_p), ("reason", c_char_p),
                ("confidence", c_double), ("channel", Str), ("who", Str), ("at_ms", c_int64),
                ("members", Value)]


class Decided(Structure):
    _fields_ = [("size", c_uint32), ("value", Value), ("reason", c_char_p), ("rule", c_char_p),
                ("confidence", c_double)]


class Batch(Structure):
    _fields_ = [("size", c_uint32), ("profile_count", c_uint32),
                ("profiles", POINTER(c_void_p)), ("attributes", POINTER(c_char_p)),
                ("attribute_count", c_uint32)]


class Many(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("by", c_uint32), ("count", c_uint32),
                ("profiles", POINTER(c_void_p)), ("texts", c_char_p), ("ends", POINTER(c_uint64)),
                ("kind", c_char_p), ("names", POINTER(c_char_p)), ("name_count", c_uint32),
                ("numbers", POINTER(c_uint32))]


class Variable(Structure):
    _fields_ = [("name", c_char_p), ("type", c_char_p), ("size_max", c_uint64)]


class ProgramOptions(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("alloc", POINTER(Alloc)),
                ("container", c_char_p), ("result", c_char_p), ("variables", POINTER(Variable)),
                ("variable_count", c_size_t), ("functions", POINTER(Function)),
                ("function_count", c_size_t), ("cost_limit", c_uint64), ("step_limit", c_uint32)]


class Evaluation(Structure):
    _fields_ = [("size", c_uint32), ("unknown_count", c_uint32), ("unknowns", POINTER(c_uint32)),
                ("value", Value), ("cost", c_uint64), ("wants_cost", c_uint32),
                ("reserved", c_uint32)]


class Observed(Structure):
    _fields_ = [("size", c_uint32), ("status", c_int), ("is_new", c_bool),
                ("message", c_char * 256)]


class Diagnostic(Structure):
    _fields_ = [("size", c_uint32), ("severity", c_int), ("file", c_char_p), ("line", c_uint32),
                ("column", c_uint32), ("length", c_uint32), ("path", c_char_p),
                ("message", c_char_p), ("suggestion", c_char_p), ("source", c_char_p)]


PROFILE_FN = CFUNCTYPE(c_int, c_void_p, c_void_p)
PROGRESS_FN = CFUNCTYPE(c_int, c_void_p, POINTER(StoreProgress))
FAULT_FN = CFUNCTYPE(c_int, c_void_p, POINTER(StoreFault))
RECORD_FN = CFUNCTYPE(c_int, c_void_p, c_uint64, Value)
TAKE_FN = CFUNCTYPE(c_int, c_void_p, Value)
ERASE_FN = CFUNCTYPE(c_int, c_void_p, Str)
HOST_FN = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(Value), c_size_t, POINTER(Value),
                    POINTER(Error))

_HANDLE = c_void_p  # every opaque pointer
_OUT = POINTER(c_void_p)
_VALUE = POINTER(Value)
_ERR = POINTER(Error)
_WRITE = POINTER(Write)

#: name -> (result, arguments). A status is a plain int here; errors.check() turns it into an
#: exception.
PROTOTYPES: Dict[str, Tuple[Any, List[Any]]] = {
    # base.h
    "pz_status_name": (c_char_p, [c_int]),
    "pz_status_text": (c_char_p, [c_int]),
    "pz_version": (c_char_p, []),
    "pz_str_of": (Str, [c_char_p]),
    # value.h
    "pz_value_null": (Value, []),
    "pz_value_bool": (Value, [c_bool]),
    "pz_value_int": (Value, [c_int64]),
    "pz_value_uint": (Value, [c_uint64]),
    "pz_value_double": (Value, [c_double]),
    "pz_value_str": (Value, [c_char_p]),
    "pz_value_strn": (Value, [c_char_p, c_size_t]),
    "pz_value_bytes": (Value, [c_void_p, c_size_t]),
    "pz_value_time_ms": (Value, [c_int64]),
    "pz_value_duration_ns": (Value, [c_int64]),
    "pz_kind_name": (c_char_p, [c_int]),
    "pz_value_text": (Str, [Value]),
    "pz_value_item": (Value, [Value, c_uint32]),
    "pz_value_entry": (Entry, [Value, c_uint32]),
    "pz_value_entries": (POINTER(Entry), [Value]),
    "pz_value_get": (Value, [Value, c_char_p, c_size_t, POINTER(c_bool)]),
    "pz_value_equal": (c_bool, [Value, Value]),
    "pz_value_compare": (c_int, [Value, Value]),
    "pz_pool_new": (c_int, [_OUT, POINTER(Alloc)]),
    "pz_pool_reset": (None, [_HANDLE]),
    "pz_pool_free": (None, [_HANDLE]),
    "pz_pool_string": (c_int, [_HANDLE, _VALUE, c_char_p, c_size_t]),
    "pz_pool_list": (c_int, [_HANDLE, _VALUE, _VALUE, c_size_t]),
    "pz_pool_map_sorted": (c_int, [_HANDLE, _VALUE, POINTER(Entry), c_size_t]),
    "pz_pool_map": (c_int, [_HANDLE, _VALUE, POINTER(Entry), c_size_t]),
    "pz_pool_copy": (c_int, [_HANDLE, _VALUE, Value]),
    "pz_value_parse": (c_int, [_HANDLE, _VALUE, c_char_p, c_size_t, c_uint32, _ERR]),
    "pz_value_print": (c_int, [_HANDLE, POINTER(Str), Value, c_uint32]),
    # report.h
    "pz_report_count": (c_uint32, [_HANDLE]),
    "pz_report_get": (c_int, [_HANDLE, c_uint32, POINTER(Diagnostic)]),
    "pz_report_text": (c_char_p, [_HANDLE, c_bool]),
    "pz_report_free": (None, [_HANDLE]),
    # engine.h
    "pz_engine_open": (c_int, [_OUT, POINTER(EngineOptions), _ERR]),
    "pz_engine_close": (None, [_HANDLE]),
    "pz_engine_load": (c_int, [_HANDLE, c_char_p, _OUT, _ERR]),
    "pz_engine_load_text": (c_int, [_HANDLE, c_char_p, c_char_p, c_size_t, _OUT, _ERR]),
    "pz_engine_test": (c_int, [_HANDLE, _OUT, POINTER(c_uint32), POINTER(c_uint32), _ERR]),
    "pz_engine_catalog_hash": (c_int, [_HANDLE, c_char_p]),
    "pz_observe_many": (c_int, [_HANDLE, _VALUE, c_size_t, c_int64, c_uint32, POINTER(Observed),
                                _ERR]),
    "pz_apply_many": (c_int, [_HANDLE, _VALUE, c_size_t, _WRITE, c_uint32, POINTER(Observed),
                              _ERR]),
    # profile.h
    "pz_customer": (c_int, [_OUT, _HANDLE, c_char_p, c_char_p, _ERR]),
    "pz_profile_open": (c_int, [_OUT, _HANDLE, c_char_p, _ERR]),
    "pz_profile_new": (c_int, [_OUT, _HANDLE, c_int, c_char_p, _ERR]),
    "pz_profile_decode": (c_int, [_OUT, _HANDLE, c_void_p, c_size_t, _ERR]),
    "pz_profile_view": (c_int, [_OUT, _HANDLE, c_void_p, c_size_t, _ERR]),
    "pz_profile_free": (None, [_HANDLE]),
    "pz_profile_id": (Str, [_HANDLE]),
    "pz_profile_exists": (c_bool, [_HANDLE]),
    "pz_profile_refresh": (c_int, [_HANDLE, _ERR]),
    "pz_choose": (c_int, [_HANDLE, c_char_p, Value, _WRITE, _ERR]),
    "pz_reject": (c_int, [_HANDLE, c_char_p, Value, _WRITE, _ERR]),
    "pz_clear": (c_int, [_HANDLE, c_char_p, _WRITE, _ERR]),
    "pz_clear_member": (c_int, [_HANDLE, c_char_p, c_char_p, _WRITE, _ERR]),
    "pz_edit": (c_int, [_HANDLE, c_char_p, c_char_p, Value, _WRITE, _ERR]),
    "pz_set_mode": (c_int, [_HANDLE, c_char_p, c_int, _WRITE, _ERR]),
    "pz_set_level": (c_int, [_HANDLE, c_char_p, _WRITE, _ERR]),
    "pz_undo": (c_int, [_HANDLE, c_char_p, _WRITE, _ERR]),
    "pz_declare": (c_int, [_HANDLE, c_char_p, Value, _WRITE, _ERR]),
    "pz_infer": (c_int, [_HANDLE, c_char_p, Value, c_double, _WRITE, _ERR]),
    "pz_identify": (c_int, [_HANDLE, c_char_p, c_char_p, _WRITE, _ERR]),
    "pz_observe": (c_int, [_HANDLE, Value, _WRITE, POINTER(c_bool), _ERR]),
    "pz_consent": (c_int, [_HANDLE, c_char_p, c_bool, _WRITE, _ERR]),
    "pz_consent_tcf": (c_int, [_HANDLE, c_char_p, _WRITE, POINTER(c_uint32), _ERR]),
    "pz_consent_gpc": (c_int, [_HANDLE, c_bool, _WRITE, POINTER(c_uint32), _ERR]),
    "pz_profile_tcf": (c_int, [_HANDLE, POINTER(Tcf), _HANDLE, POINTER(Str), _ERR]),
    "pz_forget": (c_int, [_HANDLE, c_char_p, POINTER(Span), _WRITE, _ERR]),
    "pz_expire": (c_int, [_HANDLE, c_char_p, _WRITE, POINTER(c_uint32), _ERR]),
    "pz_retract": (c_int, [_HANDLE, c_char_p, c_char_p, _WRITE, _ERR]),
    "pz_retract_all": (c_int, [_HANDLE, c_char_p, POINTER(Span), _WRITE, POINTER(c_uint32), _ERR]),
    "pz_link": (c_int, [_HANDLE, c_char_p, c_double, _WRITE, _ERR]),
    "pz_unlink": (c_int, [_HANDLE, c_char_p, _WRITE, _ERR]),
    "pz_switch": (c_int, [_HANDLE, c_char_p, _WRITE, _ERR]),
    "pz_set_account": (c_int, [_HANDLE, c_char_p, _WRITE, _ERR]),
    "pz_profile_apply": (c_int, [_HANDLE, Value, _WRITE, _ERR]),
    "pz_merge": (c_int, [_HANDLE, _HANDLE, _ERR]),
    "pz_profile_encode": (c_int, [_HANDLE, _HANDLE, _VALUE, _ERR]),
    "pz_profile_export": (c_int, [_HANDLE, _HANDLE, POINTER(Str), c_uint32, _ERR]),
    "pz_profile_export_text": (c_int, [_HANDLE, _HANDLE, POINTER(Str), _ERR]),
    "pz_each_profile": (c_int, [_HANDLE, PROFILE_FN, c_void_p, _ERR]),
    "pz_profile_ids": (c_int, [_HANDLE, _HANDLE, _VALUE, _ERR]),
    "pz_profile_count": (c_int, [_HANDLE, POINTER(c_uint64), _ERR]),
    # people.h
    "pz_profile_person": (c_int, [_HANDLE, POINTER(_HANDLE), c_size_t, _ERR]),
    "pz_person": (c_int, [_VALUE, _HANDLE, _HANDLE, _ERR]),
    "pz_erase": (c_int, [_HANDLE, c_char_p, _WRITE, c_uint32, POINTER(c_uint32), _ERR]),
    # decide.h
    "pz_context_new": (c_int, [_OUT, _HANDLE, _ERR]),
    "pz_context_free": (None, [_HANDLE]),
    "pz_context_begin": (c_int, [_HANDLE, c_int64, _ERR]),
    "pz_context_set": (c_int, [_HANDLE, c_char_p, Value, _ERR]),
    "pz_context_account": (c_int, [_HANDLE, _HANDLE, _ERR]),
    "pz_context_level": (c_int, [_HANDLE, c_char_p, _ERR]),
    "pz_resolve": (c_int, [POINTER(Resolution), _HANDLE, _HANDLE, c_char_p, _ERR]),
    "pz_resolve_bool": (c_int, [POINTER(c_bool), _HANDLE, _HANDLE, c_char_p, c_bool]),
    "pz_resolve_int": (c_int, [POINTER(c_int64), _HANDLE, _HANDLE, c_char_p, c_int64]),
    "pz_resolve_double": (c_int, [POINTER(c_double), _HANDLE, _HANDLE, c_char_p, c_double]),
    "pz_resolve_str": (c_int, [POINTER(Str), _HANDLE, _HANDLE, c_char_p, c_char_p]),
    "pz_inspect": (c_int, [_VALUE, _HANDLE, _HANDLE, c_char_p, _ERR]),
    "pz_inspect_privileged": (c_int, [_VALUE, _HANDLE, _HANDLE, c_char_p, _ERR]),
    "pz_resolve_many": (c_int, [POINTER(Resolution), _HANDLE, POINTER(Batch), _ERR]),
    "pz_inspect_many": (c_int, [_VALUE, _HANDLE, POINTER(Batch), _ERR]),
    "pz_segments": (c_int, [_VALUE, _HANDLE, _HANDLE, _ERR]),
    "pz_decide": (c_int, [_OUT, _HANDLE, _HANDLE, c_char_p, _ERR]),
    "pz_decide_for": (c_int, [_OUT, _HANDLE, c_char_p, c_char_p, c_char_p, _ERR]),
    "pz_decision_value": (Value, [_HANDLE]),
    "pz_decision_str": (c_char_p, [_HANDLE, c_char_p]),
    "pz_decision_reason": (c_char_p, [_HANDLE]),
    "pz_decision_rule": (c_char_p, [_HANDLE]),
    "pz_decision_confidence": (c_double, [_HANDLE]),
    "pz_decision_is_impure": (c_bool, [_HANDLE]),
    "pz_decide_many": (c_int, [POINTER(Str), _HANDLE, _HANDLE, POINTER(Many), _ERR]),
    "pz_answer_many": (c_int, [POINTER(Str), _HANDLE, _HANDLE, POINTER(Many), _ERR]),
    "pz_segments_many": (c_int, [POINTER(Str), _HANDLE, _HANDLE, POINTER(Many), _ERR]),
    "pz_decision_read": (c_int, [POINTER(Decided), _HANDLE]),
    "pz_decision_map": (c_int, [_VALUE, _HANDLE, _HANDLE, _ERR]),
    "pz_decision_bytes": (c_int, [_VALUE, _HANDLE, _HANDLE, _ERR]),
    "pz_decision_id": (c_int, [POINTER(Str), _HANDLE, _HANDLE, _ERR]),
    "pz_explain": (c_int, [_VALUE, _HANDLE, _HANDLE, _ERR]),
    "pz_explain_text": (c_int, [POINTER(Str), _HANDLE, _HANDLE, _ERR]),
    "pz_eval": (c_int, [_VALUE, _HANDLE, c_char_p, c_size_t, Value, _ERR]),
    # record.h
    "pz_decision_record": (c_int, [_VALUE, _HANDLE, _HANDLE, POINTER(RecordOptions), _ERR]),
    "pz_record": (c_int, [POINTER(c_uint64), _HANDLE, _HANDLE, POINTER(RecordOptions), _ERR]),
    "pz_record_many": (c_int, [_HANDLE, _VALUE, c_size_t, _WRITE, POINTER(c_uint64), _ERR]),
    "pz_each_record": (c_int, [_HANDLE, POINTER(RecordQuery), RECORD_FN, c_void_p, _ERR]),
    "pz_record_list": (c_int, [_HANDLE, POINTER(RecordQuery), _HANDLE, _VALUE, _ERR]),
    "pz_records_expire": (c_int, [_HANDLE, c_int64, POINTER(c_uint64), _ERR]),
    # store.h
    "pz_store_open": (c_int, [_OUT, c_char_p, POINTER(StoreOptions), _ERR]),
    "pz_store_close": (None, [_HANDLE]),
    "pz_engine_store": (_HANDLE, [_HANDLE]),
    "pz_store_info_read": (c_int, [_HANDLE, POINTER(StoreInfo), _ERR]),
    "pz_store_verify": (c_int, [_HANDLE, POINTER(StoreWatch), POINTER(StoreOutcome), _ERR]),
    "pz_store_copy": (c_int, [_HANDLE, _HANDLE, POINTER(StoreWatch), POINTER(StoreOutcome), _ERR]),
    "pz_store_backup": (c_int, [_HANDLE, c_char_p, POINTER(StoreOptions), POINTER(StoreWatch),
                                POINTER(StoreOutcome), _ERR]),
    "pz_store_restore": (c_int, [_HANDLE, c_char_p, POINTER(StoreOptions), POINTER(StoreWatch),
                                 POINTER(StoreOutcome), _ERR]),
    "pz_store_compact": (c_int, [_HANDLE, POINTER(StoreWatch), POINTER(StoreOutcome), _ERR]),
    "pz_expire_all": (c_int, [_HANDLE, _WRITE, POINTER(StoreWatch), POINTER(StoreOutcome), _ERR]),
    # program.h
    "pz_program_compile": (c_int, [_OUT, c_char_p, c_size_t, POINTER(ProgramOptions), _ERR]),
    "pz_program_ref": (_HANDLE, [_HANDLE]),
    "pz_program_unref": (None, [_HANDLE]),
    "pz_value_unknown": (Value, []),
    "pz_program_eval": (c_int, [_HANDLE, _HANDLE, _VALUE, c_size_t, POINTER(Evaluation), _ERR]),
    "pz_program_eval_map": (c_int, [_HANDLE, _HANDLE, Value, POINTER(Evaluation), _ERR]),
    "pz_program_cost": (None, [_HANDLE, POINTER(c_uint64), POINTER(c_uint64)]),
    "pz_program_type": (c_int, [_HANDLE, _HANDLE, POINTER(Str)]),
    "pz_program_text": (c_int, [_HANDLE, _HANDLE, POINTER(Str)]),
    "pz_program_reads": (c_bool, [_HANDLE, c_size_t]),
    "pz_error_excerpt": (c_int, [_ERR, c_char_p, c_size_t, _HANDLE, POINTER(Str)]),
}


#: Of libpersonalize-redis.
REDIS_PROTOTYPES: Dict[str, Tuple[Any, List[Any]]] = {
    "pz_redis_module": (_HANDLE, []),
}


def _beside(soname: str, folders: Sequence[str]) -> Iterator[str]:
    for folder in folders:
        path = os.path.join(folder, soname)
        if os.path.exists(path):
            yield path


def _folders() -> List[str]:
    here = os.path.dirname(os.path.abspath(__file__))
    return [here, os.path.dirname(os.path.dirname(here))]


def _candidates(soname: str, short: str, folders: Sequence[str]) -> Iterator[str]:
    yield from _beside(soname, folders)
    yield soname
    found = ctypes.util.find_library(short)
    if found:
        yield found


def _open_library(variable: str, candidates: Callable[[], Iterator[str]]) -> Tuple[Any, str]:
    """The first that loads, and its path; an ImportError that lists what was tried."""
    named = os.environ.get(variable)
    tried = []
    for path in [named] if named else candidates():
        try:
            return ctypes.CDLL(path), path
        except OSError as error:
            tried.append(f"{path}: {error}")
    raise ImportError("; ".join(tried))


def _declare(library: Any, prototypes: Dict[str, Tuple[Any, List[Any]]]) -> None:
    for name, (result, arguments) in prototypes.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


def _load() -> Tuple[Any, str]:
    try:
        library, path = _open_library(
            "PERSONALIZE_LIBRARY", lambda: _candidates(SONAME, "personalize", _folders()))
    except ImportError as error:
        raise ImportError("libpersonalize was not found; set PERSONALIZE_LIBRARY to its full path. "
                          f"Tried: {error}") from None
    try:
        _declare(library, PROTOTYPES)
    except AttributeError as error:
        raise ImportError(f"libpersonalize is of another version: {error}") from None
    version = library.pz_version().decode()
    major, minor = (int(part) for part in version.split(".")[:2])
    # Below 1.0 a minor version may break its callers.
    if major != VERSION_MAJOR or (major == 0 and minor != VERSION_MINOR):
        raise ImportError(f"libpersonalize {version} is loaded, this package was made for "
                          f"{VERSION_MAJOR}.{VERSION_MINOR}")
    return library, path


lib, path_of_library = _load()
_redis: List[Any] = []  # libpersonalize-redis, once it is loaded: it is never unloaded


def redis_module() -> Any:
    """What pz_redis_module() gives; ImportError where its library is missing."""
    if not _redis:
        folders = _folders()
        if os.path.dirname(path_of_library):
            folders.insert(0, os.path.dirname(os.path.abspath(path_of_library)))
        library, _ = _open_library(
            "PERSONALIZE_REDIS_LIBRARY",
            lambda: _candidates(REDIS_SONAME, "personalize-redis", folders))
        _declare(library, REDIS_PROTOTYPES)
        _redis.append(library)
    return _redis[0].pz_redis_module()


def text(s: Any) -> str:
    """A Str as a Python str."""
    return string_at(s.data, s.len).decode() if s.len else ""


def text_octets(s: Any) -> bytes:
    """The octets of a Str."""
    return string_at(s.data, s.len) if s.len else b""


def octets(value: Any) -> bytes:
    """The octets that a string or bytes value borrows."""
    return string_at(value.bits & 0xFFFFFFFFFFFFFFFF, value.len) if value.len else b""


def new_buffer(size: int) -> Any:
    """Room for ``size`` octets."""
    return ctypes.create_string_buffer(size)


def handles(pointers: Sequence[Any]) -> Any:
    """An array of handles, as C wants a list of them."""
    return (_HANDLE * len(pointers))(*pointers)


def names(encoded: Sequence[bytes]) -> Any:
    """An array of texts, as C wants a list of them."""
    return (c_char_p * len(encoded))(*encoded)


def numbers(buffer: Any) -> Any:
    """An array.array("Q") as C wants it; it must stay."""
    return (c_uint64 * len(buffer)).from_buffer(buffer)


def room_for_numbers(buffer: Any) -> Any:
    """An array.array("I") as C wants room for 32-bit numbers; it must stay."""
    return (c_uint32 * len(buffer)).from_buffer(buffer)


#: How array.array() calls an address.
ADDRESS = "Q" if sizeof(c_void_p) == 8 else "I"


def addresses(buffer: Any) -> Any:
    """An array.array(ADDRESS) as C wants an array of handles; it must stay."""
    return (c_void_p * len(buffer)).from_buffer(buffer)


def new_error() -> Any:
    return Error(size=sizeof(Error))


def items(value: Any) -> Any:
    """The items of a list value, borrowed like the value itself."""
    if not value.len:
        return ()
    return cast(value.bits & 0xFFFFFFFFFFFFFFFF, POINTER(Value * value.len)).contents
