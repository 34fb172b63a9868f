#include "scale/simulate/settings.h"

#include "base/macros.h"

/*
 * One row a family of settings: every combination of its lists is tried. Targets are shares of a server's
 * true capacity, which only a simulation can hand to these policies; Weir has to learn it.
 */
struct sweep {
    const struct sim_policy_ops *ops;
    bool is_stepwise;
    enum sim_metric metrics[3];
    double targets[13];
    uint32_t down_s[5];   /* at least one; the list ends with END_S */
    double up_factors[4]; /* 0 ends the list; none: one pass with 0 */
    uint32_t warm_up_s[3];
};

enum { END_S = UINT32_MAX };

static const struct sweep sweeps[] = {
    {.ops = &policy_weir, .targets = {1}, .down_s = {0, END_S}, .warm_up_s = {0, END_S}},
    {.ops = &policy_hpa,
     .metrics = {SIM_METRIC_CPU, SIM_METRIC_REQUESTS, SIM_METRIC_IN_FLIGHT},
     .targets = {.5, .6, .7, .8, .9},
     .down_s = {60, 300, 600, END_S},
     .warm_up_s = {0, END_S}},
    {.ops = &policy_keda,
     .metrics = {SIM_METRIC_REQUESTS, SIM_METRIC_IN_FLIGHT},
     .targets = {.5, .6, .7, .8, .9},
     .down_s = {60, 300, 600, END_S},
     .warm_up_s = {0, END_S}},
    {.ops = &policy_knative,
     .targets = {.5, .6, .7, .8, .9},
     .down_s = {0, 60, 300, 600, END_S},
     .up_factors = {2, 10, 1000},
     .warm_up_s = {0, END_S}},
    {.ops = &policy_aws,
     .metrics = {SIM_METRIC_CPU, SIM_METRIC_REQUESTS},
     .targets = {.5, .6, .7, .8, .9},
     .down_s = {0, END_S},
     .warm_up_s = {0, 300, END_S}},
    {.ops = &policy_aws,
     .is_stepwise = true,
     .metrics = {SIM_METRIC_CPU},
     .targets = {.5, .6, .7, .8, .9},
     .down_s = {0, END_S},
     .warm_up_s = {0, 300, END_S}},
    {.ops = &policy_nomad,
     .metrics = {SIM_METRIC_CPU, SIM_METRIC_REQUESTS, SIM_METRIC_IN_FLIGHT},
     .targets = {.5, .6, .7, .8, .9},
     .down_s = {60, 300, 600, END_S},
     .warm_up_s = {0, END_S}},
    {.ops = &policy_static,
     .targets = {.3, .4, .5, .6, .7, .8, .9, 1, 1.1, 1.2, 1.35, 1.5},
     .down_s = {0, END_S},
     .warm_up_s = {0, END_S}},
    {.ops = &policy_oracle, .targets = {1}, .down_s = {0, END_S}, .warm_up_s = {0, END_S}},
};

const char *sim_metric_name(enum sim_metric m)
{
    static const char *const names[] = {"", "cpu", "requests", "in flight"};
    ASSERT((unsigned)m < ARRAY_LEN(names));
    return names[m];
}

static void add(const struct sweep *w, struct sim_setting s, struct sim_setting *settings, uint32_t *count)
{
    for (const uint32_t *down_s = w->down_s; *down_s != END_S; down_s++)
        for (const uint32_t *warm_up_s = w->warm_up_s; *warm_up_s != END_S; warm_up_s++) {
            ASSERT(*count < SETTINGS_MAX);
            s.down_s = *down_s;
            s.warm_up_s = *warm_up_s;
            settings[(*count)++] = s;
        }
}

static void expand(const struct sweep *w, struct sim_setting *settings, uint32_t *count)
{
    for (size_t metric = 0; metric == 0 || (metric < ARRAY_LEN(w->metrics) && w->metrics[metric]); metric++)
        for (size_t target = 0; target < ARRAY_LEN(w->targets) && w->targets[target] > 0; target++)
            for (size_t up = 0; up == 0 || (up < ARRAY_LEN(w->up_factors) && w->up_factors[up] > 0); up++)
                add(w,
                    (struct sim_setting){.ops = w->ops,
                                         .is_stepwise = w->is_stepwise,
                                         .metric = w->metrics[metric],
                                         .target = w->targets[target],
                                         .up_factor = w->up_factors[up]},
                    settings, count);
}

static bool has_name(struct str names, const char *name)
{
    struct str part;
    while (str_split(&names, ',', &part))
        if (str_eq(part, str_of(name)) || str_eq(part, STR("all")))
            return true;
    return false;
}

static bool check_name(struct str name, struct err *err)
{
    const char *known[ARRAY_LEN(sweeps) + 1];
    size_t count = 0;
    known[count++] = "all";
    for (size_t i = 0; i < ARRAY_LEN(sweeps); i++)
        known[count++] = sweeps[i].ops->name;
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_of(known[i])))
            return true;
    const char *nearest = str_nearest(name, known, count);
    if (nearest)
        return err_set(err, "unknown policy '%.*s'; did you mean '%s'?", STR_ARG(name), nearest);
    return err_set(
        err, "unknown policy '%.*s'; there are weir, hpa, keda, knative, aws, nomad, static, oracle and all",
        STR_ARG(name));
}

uint32_t settings_expand(struct str names, struct sim_setting ret_settings[SETTINGS_MAX], struct err *err)
{
    uint32_t count = 0;
    struct str rest = names, part;
    while (str_split(&rest, ',', &part))
        if (!check_name(part, err))
            return 0;
    for (size_t i = 0; i < ARRAY_LEN(sweeps); i++)
        if (has_name(names, sweeps[i].ops->name))
            expand(&sweeps[i], ret_settings, &count);
    if (count == 0)
        (void)err_set(err, "no policy is named");
    return count;
}
