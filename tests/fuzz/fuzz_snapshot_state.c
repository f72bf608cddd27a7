/* State files of a snapshot build: whatever the bytes, they are refused or walked within bounds. */
#include "snapshot/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qlab_buf bytes = QLAB_BUF_INIT;
    qlab_state state;
    qlab_state_days days;
    qlab_buf_put(&bytes, data, size);
    if (qlab_state_decode(&bytes, &state)) {
        qlab_state copy = {0};
        qlab_state_at at = {0};
        for (size_t a = 0; a < state.n_assets; a++) {
            qlab_state_next(&state, a, &at);
            qlab_state_copy(&copy, &at);
        }
        qlab_buf again = QLAB_BUF_INIT;
        qlab_state_encode(&copy, &again);
        qlab_buf_free(&again);
        qlab_state_free(&copy);
        qlab_state_free(&state);
    }
    if (qlab_state_days_decode(&bytes, &days))
        qlab_state_days_free(&days);
    qlab_buf_free(&bytes);
    return 0;
}
