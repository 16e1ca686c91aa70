# Reads what `swift test` printed and prints "PASSED FAILED SKIPPED".
#
# XCTest and Swift Testing close with a line of their own each, and both run.
# The closing line of Swift Testing counts the skipped tests too and does not
# say how many failed, so those are counted where they are reported.

# Test run with 17 tests in 8 suites passed after 0.1 seconds.
/^[^ ]+ Test run with [0-9]+ tests? / { total = $5; closed = 1; next }
/^[^ ]+ Test run started/ { began = 1; next }
# One case of a test with arguments, which is reported as a whole as well.
/^[^ ]+ Test case / { next }
/^[^ ]+ Test .* failed after [0-9.]+ seconds/ { failed++; next }
/^[^ ]+ Test .* passed after [0-9.]+ seconds/ { passed++; next }
/^[^ ]+ Test .* skipped(:|\.|$)/ { skipped++; next }

# Executed 5 tests, with 1 test skipped and 2 failures (0 unexpected) in 0.1 (0.1) seconds
# Every suite has such a line; the last is that of all of them.
/^[ \t]*Executed [0-9]+ tests?, with / {
    xtotal = $2
    xskipped = ($6 ~ /^tests?$/ && $7 == "skipped") ? $5 : 0
    next
}
/^Test Case .* failed \(/ { xfailed++; next }

END {
    # Without its closing line the run was cut off, and what had been going on
    # at that moment did not pass.
    if (began && !closed) { total = passed + failed + skipped + 1; failed++ }
    print total - failed - skipped + xtotal - xfailed - xskipped, failed + xfailed, skipped + xskipped
}
