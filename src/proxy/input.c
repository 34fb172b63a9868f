/* The way in: bytes come through the thread's scratch buffer; only what cannot be used at once is copied to
 * the connection. */
#include "proxy/session.h"

enum {
    APPEND_BYTES =
        3072,           /* read behind bytes that were left over: small, since these are heads and trailers */
    SHORT_BYTES = 4096, /* read at once when buffers run short: the most that a slow receiver then costs */
};

enum io input_next(struct data_thread *t, struct peer *p, bool needs_more, struct input *ret_input)
{
    size_t n;
    if (chunk_len(&p->in) == 0) {
        if (!p->can_read)
            return peer_nothing_to_read(p);
        size_t most = buffer_pool_is_short(t->buffers) ? SHORT_BYTES : SCRATCH_BYTES;
        enum io io = peer_read(p, t->scratch, most, &n);
        *ret_input = (struct input){.bytes = t->scratch, .len = n, .is_scratch = true};
        return io;
    }
    if (needs_more) {
        if (!p->can_read)
            return peer_nothing_to_read(p);
        if (!chunk_reserve(t->buffers, &p->in, APPEND_BYTES))
            return IO_FULL;
        enum io io = peer_read(p, p->in.ptr + p->in.end, p->in.capacity - p->in.end, &n);
        if (io != IO_OK)
            return io;
        p->in.end += (uint32_t)n;
    }
    *ret_input = (struct input){.bytes = p->in.ptr + p->in.start, .len = chunk_len(&p->in)};
    return IO_OK;
}

bool input_done(struct data_thread *t, struct peer *p, const struct input *input, size_t used)
{
    ASSERT(used <= input->len);
    if (input->is_scratch)
        return chunk_append(t->buffers, &p->in, input->bytes + used, input->len - used);
    chunk_consume(t->buffers, &p->in, used);
    return true;
}
