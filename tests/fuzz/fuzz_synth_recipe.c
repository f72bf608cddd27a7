/* A recipe is bytes from a folder: any bytes give a pack of the market or one clear error. */
#include "base/err.h"
#include "synth/recipe.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const qlab_synth_params params = {.n_assets = 60,
                                      .n_sessions = 40,
                                      .first_date = QLAB_DATE_NONE,
                                      .seed = 1,
                                      .recipe_share = 0.5};
    qlab_synth_book *book = NULL;
    qlab_err err = QLAB_ERR_INIT;
    size_t pack = 0, n_assets = 0;

    const qlab_code made = qlab_synth_book_make(&params, &book, &err);
    assert(made == QLAB_OK);
    if (qlab_synth_recipe_read(book, (const char *)bytes, n, &pack, &n_assets, &err) == QLAB_OK) {
        for (size_t i = 0; i < n_assets; i++)
            assert(qlab_synth_recipe_asset(book, pack, i)->id[0] != '\0');
    } else {
        assert(err.code == QLAB_E_CORRUPT && err.text[0] != '\0');
    }
    qlab_synth_book_free(book);
    return 0;
}
