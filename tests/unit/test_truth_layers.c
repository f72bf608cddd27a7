/* Contract layers: what state rows make, which policy it meets, what is said when it does not. */
#include "support/t.h"

#include "truth/layers.h"

#include <string.h>

static qlab_layer_facts facts(uint64_t n_real, uint64_t n_derived)
{
    return (qlab_layer_facts){.source_mode = "mode",
                              .n_real = n_real,
                              .n_derived = n_derived,
                              .covers = "things",
                              .derived_example = n_derived ? "US:A 2016-05-02" : NULL,
                              .remedy = "load a feed"};
}

T_TEST(states_and_policies)
{
    static const struct {
        uint64_t n_real, n_derived;
        qlab_layer_state state;
        bool meets[QLAB_LAYER_POLICIES]; /* placeholder, derived, real */
    } of[] = {{0, 0, QLAB_LAYER_PLACEHOLDER, {true, false, false}},
              {0, 3, QLAB_LAYER_DERIVED, {true, true, false}},
              {900, 1, QLAB_LAYER_MIXED, {true, true, false}}, /* one guess is enough to fail */
              {1, 0, QLAB_LAYER_REAL, {true, true, true}}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        const qlab_layer_facts f = facts(of[i].n_real, of[i].n_derived);
        T_CHECK(qlab_layer_state_of(&f) == of[i].state);
        for (int p = 0; p < QLAB_LAYER_POLICIES; p++)
            T_CHECK(qlab_layer_meets(of[i].state, (qlab_layer_policy)p) == of[i].meets[p]);
    }
    T_STR(qlab_layer_reason(QLAB_LAYER_ACTIONS, QLAB_LAYER_MIXED, QLAB_LAYER_REAL_REQUIRED),
          "REQUIRE_REAL_CORP_ACTIONS_NOT_MET");
    T_STR(qlab_layer_reason(QLAB_LAYER_FX, QLAB_LAYER_PLACEHOLDER, QLAB_LAYER_DERIVED_ALLOWED),
          "PLACEHOLDER_FX_NOT_ALLOWED");
    T_CHECK(qlab_layer_reason(QLAB_LAYER_FX, QLAB_LAYER_REAL, QLAB_LAYER_REAL_REQUIRED) == NULL);
}

T_TEST(policies_are_read_strictly)
{
    qlab_layer_policies p = qlab_layer_policies_default();
    qlab_err e = QLAB_ERR_INIT;
    T_CHECK(p.of[QLAB_LAYER_BARS] == QLAB_LAYER_REAL_REQUIRED);
    T_CHECK(qlab_layer_policies_parse("actions=real_required,fx=derived_allowed", &p, &e) ==
            QLAB_OK);
    T_CHECK(p.of[QLAB_LAYER_ACTIONS] == QLAB_LAYER_REAL_REQUIRED);
    T_CHECK(p.of[QLAB_LAYER_FX] == QLAB_LAYER_DERIVED_ALLOWED);
    T_CHECK(p.of[QLAB_LAYER_DELISTINGS] == QLAB_LAYER_PLACEHOLDER_ALLOWED);
    static const struct {
        const char *text, *says;
    } bad[] = {{"corp=real_required", "\"corp\" was no layer: give bars, assets, actions"},
               {"actions", "the policy of actions was \"\": give real_required"},
               {"actions=", "the policy of actions was \"\": give real_required"},
               {"actions=real", "the policy of actions was \"real\": give real_required"},
               {"actions=real_required,,fx=real_required", "\"\" was no layer"},
               {" actions=real_required", "\" actions\" was no layer"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        qlab_err_reset(&e);
        T_CHECK(qlab_layer_policies_parse(bad[i].text, &p, &e) == QLAB_E_USAGE);
        T_CHECK(strstr(e.text, bad[i].says) != NULL);
    }
}

T_TEST(a_missed_policy_says_what_there_was_and_what_to_do)
{
    qlab_layer_facts f[QLAB_LAYERS];
    qlab_layer_policies p = qlab_layer_policies_default();
    qlab_err e = QLAB_ERR_INIT;
    for (int i = 0; i < QLAB_LAYERS; i++)
        f[i] = facts(5, 0);
    T_CHECK(qlab_layers_check(f, &p, &e) == QLAB_OK);
    f[QLAB_LAYER_ACTIONS] = facts(4, 2);
    T_CHECK(qlab_layers_check(f, &p, &e) == QLAB_OK); /* allowed until somebody demands more */
    p.of[QLAB_LAYER_ACTIONS] = QLAB_LAYER_REAL_REQUIRED;
    T_CHECK(qlab_layers_check(f, &p, &e) == QLAB_E_NOT_FOUND);
    T_STR(e.text, "REQUIRE_REAL_CORP_ACTIONS_NOT_MET: layer actions must be real_required, but 4 "
                  "of its 6 rows were delivered (mode); the first that was not: US:A 2016-05-02; "
                  "load a feed, or allow it: --layers actions=derived_allowed");
    f[QLAB_LAYER_ACTIONS] = facts(0, 0);
    qlab_err_reset(&e);
    T_CHECK(qlab_layers_check(f, &p, &e) == QLAB_E_NOT_FOUND);
    T_CHECK(strstr(e.text, "0 of its 0 rows were delivered (mode); load a feed, or allow it: "
                           "--layers actions=placeholder_allowed") != NULL);
}

T_MAIN(T_CASE(states_and_policies), T_CASE(policies_are_read_strictly),
       T_CASE(a_missed_policy_says_what_there_was_and_what_to_do))
