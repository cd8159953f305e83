/**
 * @file personalize.h
 * libpersonalize: what a customer chose, what the company guessed, and what to do about it.
 *
 * This header includes all the others; each is usable alone. Only <personalize/redis.h> is not in it:
 * that store is a library of its own.
 */
#ifndef PERSONALIZE_H
#define PERSONALIZE_H

#include <personalize/base.h>
#include <personalize/value.h>
#include <personalize/program.h>
#include <personalize/report.h>
#include <personalize/store.h>
#include <personalize/engine.h>
#include <personalize/profile.h>
#include <personalize/decide.h>
#include <personalize/people.h>
#include <personalize/record.h>
#include <personalize/ext/hooks.h>

#endif
