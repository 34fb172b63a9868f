/* Cross checks of `scale: {exec}`; see checks.h. */
#include "config/checks.h"
#include "config/model.h"

void check_exec(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_exec *e = target;
    struct node *command = node_find(node, "command");
    if (!node_is_good(command))
        return;
    if (e->command.count == 0)
        diagnostics_hint(d->d, node_key_error(d->d, command, "'command' is empty"),
                         "such as [/usr/local/lib/weir/servers.py]");
    else if (!command->first->is_bad && command->first->text.len == 0)
        diagnostics_hint(d->d, node_error(d->d, command->first, "the program's name is empty"),
                         "such as /usr/local/lib/weir/servers.py");
}
