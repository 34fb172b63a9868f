/* The keeper of a file: work in its order, waiting for it, and a disk that hangs. */
#include "store/keeper.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (20 * NS_PER_S)

/* What was done with it, in order: 'a' and so on, and at the end the closing. */
struct notebook {
    char text[128];
    size_t length;
    sem_t begun, hang; /* work 'H' posts the one and waits for the other */
};

struct note {
    struct keeper_work work;
    char letter;
};

static struct loop *loop;
static struct notebook book;
static struct keeper *keeper;
static _Atomic int books_freed, notes_freed;
static int done, cancelled;

static void await_sem(sem_t *sem)
{
    while (sem_wait(sem) != 0)
        continue;
}

static void write_letter(struct keeper_work *w, void *file)
{
    struct notebook *n = file;
    struct note *note = container_of(w, struct note, work);
    if (note->letter == 'H') {
        sem_post(&n->begun);
        await_sem(&n->hang);
    }
    n->text[n->length++] = note->letter;
}

static void on_done(struct keeper_work *w, enum job_outcome outcome)
{
    done += outcome == JOB_DONE;
    cancelled += outcome == JOB_CANCELLED;
}

static void free_note(struct keeper_work *w)
{
    free(container_of(w, struct note, work));
    atomic_fetch_add(&notes_freed, 1);
}

static void close_book(void *file)
{
    struct notebook *n = file;
    n->text[n->length++] = '.';
}

static void free_book(void *file)
{
    atomic_fetch_add(&books_freed, 1);
}

static bool submit(char letter)
{
    struct note *n = NEW(struct note);
    *n =
        (struct note){.work = {.run = write_letter, .on_done = on_done, .free = free_note}, .letter = letter};
    return keeper_submit(keeper, &n->work);
}

static int set_up(void **state)
{
    struct keeper_file file = {&book, close_book, free_book};
    book = (struct notebook){0};
    sem_init(&book.begun, 0, 0);
    sem_init(&book.hang, 0, 0);
    loop = loop_new(NULL);
    keeper = keeper_new(loop, "test-keeper", &file);
    books_freed = notes_freed = done = cancelled = 0;
    return keeper ? 0 : -1;
}

static int tear_down(void **state)
{
    loop_free(loop);
    sem_destroy(&book.begun);
    sem_destroy(&book.hang);
    return 0;
}

static void stop(struct loop *l, struct timer *t)
{
    loop_stop(l);
}

static void turn_until_done(int count)
{
    struct timer timer;
    timer_init(&timer, stop);
    for (int64_t until_ns = clock_now_ns() + PATIENCE_NS; done < count && clock_now_ns() < until_ns;) {
        timer_set(loop, &timer, clock_now_ns() + NS_PER_MS);
        loop_run(loop);
    }
    assert_int_equal(done, count);
}

static void await(_Atomic int *number, int value)
{
    for (int64_t until_ns = clock_now_ns() + PATIENCE_NS; *number != value && clock_now_ns() < until_ns;)
        usleep(1000);
    assert_int_equal(*number, value);
}

static void work_is_done_in_its_order_and_answered_on_the_loop(void **state)
{
    assert_true(submit('a') && submit('b') && submit('c'));
    assert_int_equal(keeper_submitted(keeper), 3);
    assert_true(keeper_wait(keeper, PATIENCE_NS));
    assert_true(keeper_has_done(keeper, 3));
    assert_false(keeper_has_done(keeper, 4));
    assert_int_equal(done, 0); /* the loop has not turned */
    turn_until_done(3);
    assert_int_equal(notes_freed, 3);
    keeper_free(keeper, PATIENCE_NS);
    assert_string_equal(book.text, "abc.");
    assert_int_equal(books_freed, 1);
}

static void the_end_does_what_was_handed_over(void **state)
{
    assert_true(submit('H') && submit('b'));
    sem_post(&book.hang);
    keeper_free(keeper, PATIENCE_NS);
    assert_string_equal(book.text, "Hb.");
    assert_int_equal(notes_freed, 2);
    assert_int_equal(books_freed, 1);
}

/* What the thread uses stays until it lets go; what had not begun is given up, the closing as well. */
static void a_disk_that_hangs_is_left_behind(void **state)
{
    assert_true(submit('H') && submit('b'));
    await_sem(&book.begun);
    assert_false(keeper_wait(keeper, 20 * NS_PER_MS));
    assert_false(keeper_has_done(keeper, 1));
    keeper_free(keeper, 20 * NS_PER_MS);
    assert_int_equal(cancelled, 2);
    assert_int_equal(notes_freed, 1);
    assert_int_equal(books_freed, 0);
    sem_post(&book.hang);
    await(&books_freed, 1);
    await(&notes_freed, 2);
    assert_string_equal(book.text, "H");
    for (int64_t until_ns = clock_now_ns() + PATIENCE_NS;
         job_threads_left_behind() && clock_now_ns() < until_ns;)
        usleep(1000);
}

/* What is refused is freed, and nobody waits for it. */
static void too_much_work_is_refused(void **state)
{
    int taken = 1;
    assert_true(submit('H'));
    while (taken < 100 && submit('x'))
        taken++;
    assert_in_range(taken, 60, 70);
    assert_int_equal(notes_freed, 1);
    assert_int_equal(keeper_submitted(keeper), taken);
    sem_post(&book.hang);
    assert_true(keeper_wait(keeper, PATIENCE_NS));
    assert_int_equal(book.length, taken);
    turn_until_done(taken);
    keeper_free(keeper, PATIENCE_NS);
    assert_int_equal(notes_freed, taken + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(work_is_done_in_its_order_and_answered_on_the_loop),
        TEST(the_end_does_what_was_handed_over),
        TEST(a_disk_that_hangs_is_left_behind),
        TEST(too_much_work_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
