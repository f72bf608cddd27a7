#include "base/cancel.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

/* A second signal ends the process at once: the write rules make that safe. */
static void on_signal(int number)
{
    if (asked) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    asked = 1;
}

void qlab_cancel_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART; /* reads and writes in flight go on to the unit border */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL); /* a closed pipe is a write error, with its message */
}

bool qlab_cancel_asked(void)
{
    return asked != 0;
}

qlab_code qlab_cancel_check(qlab_err *err)
{
    if (!asked)
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_CANCELLED, "interrupted; run the same command again to resume");
}
