#!/usr/bin/perl
# Writes lib/cel/regex_tables.c: general categories, scripts and simple case folding, for the
# regular expressions of the rule language. The source is the copy of the Unicode character
# database that comes with Perl (Unicode::UCD); the version it has is noted in the file.
#
#     perl tools/gen/regex_tables.pl > lib/cel/regex_tables.c
use strict;
use warnings;
use Unicode::UCD qw(prop_invmap prop_value_aliases);

my $LAST = 0x10FFFF;

# [first code point, value] in ascending order, neighbours different.
sub partition {
    my ($property, $alias) = @_;
    my ($list, $map) = prop_invmap($property);
    my (@runs, %seen);
    for my $i (0 .. $#$list) {
        last if $list->[$i] > $LAST;
        my $name = $seen{ $map->[$i] } //= (prop_value_aliases($property, $map->[$i]))[$alias];
        push @runs, [$list->[$i], $name] if !@runs || $runs[-1][1] ne $name;
    }
    return @runs;
}

# The next member of each code point's case orbit: ascending, then back to the least.
sub orbits {
    my ($list, $map, $format) = prop_invmap('Simple_Case_Folding');
    die "unexpected format $format" unless $format eq 'a' || $format eq 'al';
    my %class;
    for my $i (0 .. $#$list) {
        last if $list->[$i] > $LAST;
        next if !$map->[$i];
        my $end = $i < $#$list ? $list->[$i + 1] - 1 : $LAST;
        for my $c ($list->[$i] .. $end) {
            my $folded = $map->[$i] + $c - $list->[$i];
            push @{ $class{$folded} }, $c if $folded != $c;
        }
    }
    my %next;
    for my $folded (keys %class) {
        my @members = sort { $a <=> $b } $folded, @{ $class{$folded} };
        $next{ $members[$_] } = $members[($_ + 1) % @members] for 0 .. $#members;
    }
    return %next;
}

# Runs of code points at a stride of 1 or 2 that all move by the same distance; or, with distance 0,
# of neighbours that change places with each other.
sub fold_runs {
    my %next = @_;
    my (@runs, %done);
    for my $c (sort { $a <=> $b } keys %next) {
        next if $done{$c};
        my $delta = $next{$c} - $c;
        my $run = $runs[-1];
        if ($delta == 1 && $next{ $c + 1 } == $c) {
            $done{ $c + 1 } = 1;
            if ($run && $run->[2] == 0 && $run->[1] == $c - 1) {
                $run->[1] = $c + 1;
            } else {
                push @runs, [$c, $c + 1, 0, 1];
            }
            next;
        }
        if ($run && $run->[2] == $delta) {
            my $step = $c - $run->[1];
            if (($run->[0] == $run->[1] && $step <= 2) || $step == $run->[3]) {
                @$run[1, 3] = ($c, $step);
                next;
            }
        }
        push @runs, [$c, $c, $delta, 1];
    }
    return @runs;
}

sub print_partition {
    my ($name, $about, $index, @runs) = @_;
    printf "/* %s */\nconst uint32_t pz__regex_%s[] = {", $about, $name;
    for my $i (0 .. $#runs) {
        print $i % 8 ? ' ' : "\n    ";
        printf '0x%08x,', $index->{ $runs[$i][1] } << 21 | $runs[$i][0];
    }
    printf "\n};\nconst uint32_t pz__regex_%s_count = %d;\n\n", $name, scalar @runs;
}

sub print_names {
    my ($name, @names) = @_;
    printf "const char *const pz__regex_%s[] = {\n", $name;
    my $line = '   ';
    for my $text (map { "\"$_\"," } @names) {
        if (length($line) + 1 + length($text) > 99) {
            print "$line\n";
            $line = '   ';
        }
        $line .= " $text";
    }
    printf "%s\n};\nconst uint32_t pz__regex_%s_count = %d;\n\n", $line, $name, scalar @names;
}

my @categories = partition('General_Category', 0);
my @scripts = partition('Script', 1);
my @category_names = sort keys %{ { map { $_->[1] => 1 } @categories } };
my @script_names = sort keys %{ { map { $_->[1] => 1 } @scripts } };
my (%category_index, %script_index);
@category_index{@category_names} = 0 .. $#category_names;
@script_index{@script_names} = 0 .. $#script_names;

printf <<'HEAD', Unicode::UCD::UnicodeVersion();
/*
 * regex_tables.c: general categories, scripts and case orbits of Unicode %s.
 *
 * Written by tools/gen/regex_tables.pl; do not edit. The tables are carried along rather than asked
 * of a library so that a pattern means the same on every machine, whatever PCRE2 it has.
 *
 * A partition of all code points is an ascending array; each entry holds the first code point of a
 * run in its low 21 bits and the number of the run's name above them. A run ends where the next
 * begins; the last ends at U+10FFFF.
 *
 * A case orbit is a set of code points that differ by case only, such as K, k and the Kelvin sign.
 * A fold entry moves each code point of its run (first to last, at its stride) to the next member
 * of its orbit; the greatest member goes back to the least. Distance 0 marks neighbours that change
 * places: the first with the second, the third with the fourth ...
 */
/* clang-format off */
#include "cel/regex_inner.h"

HEAD
print_names('category_names', @category_names);
print_partition('categories', 'General_Category.', \%category_index, @categories);
print_names('script_names', @script_names);
print_partition('scripts', 'Script.', \%script_index, @scripts);
my @folds = fold_runs(orbits());
print "/* Simple_Case_Folding, as orbits. */\nconst pz__regex_fold pz__regex_folds[] = {";
for my $i (0 .. $#folds) {
    print $i % 3 ? ' ' : "\n    ";
    printf '{0x%05x, 0x%05x, %d, %d},', @{ $folds[$i] };
}
printf "\n};\nconst uint32_t pz__regex_fold_count = %d;\n", scalar @folds;
