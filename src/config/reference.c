#include "config/reference.h"
void config_reference_markdown(struct buf *out)
{
    (void)out;
}
void config_reference_man(struct buf *out)
{
    (void)out;
}
