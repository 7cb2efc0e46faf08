/* Says how many bytes the allocator has given out, from within the process: glibc tells nobody else.

   Preloaded into the gateway, it writes the number into the file HOLDFAST_SOAK_LIVE four times a second, over itself. With
   HOLDFAST_SOAK_LEAK=1 it leaks as well: 64 KiB of memory and a descriptor each 50 ms, and a thread each 500 ms. Only so can
   it be seen that a leak in this very process is noticed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *sleep_for_ever(void *unused) {
    for (;;) pause();
    return unused;
}

/* Looked at by nobody, but the compiler cannot know. */
static char *volatile lost;

static void leak(int turn) {
    pthread_t thread;
    lost = malloc(64 << 10);
    if (lost) memset(lost, 1, 64 << 10);
    (void)!open("/dev/null", O_RDONLY);
    if (turn % 10 == 0) pthread_create(&thread, NULL, sleep_for_ever, NULL);
}

static void *tell(void *path) {
    int leaks = getenv("HOLDFAST_SOAK_LEAK") != NULL, file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    for (int turn = 0; file >= 0; turn++) {
        if (leaks) leak(turn);
        if (turn % 5 == 0) {
            char text[32];
            struct mallinfo2 info = mallinfo2();
            int length = snprintf(text, sizeof text, "%020zu\n", info.uordblks + info.hblkhd);
            (void)!pwrite(file, text, (size_t)length, 0);
        }
        usleep(50 * 1000);
    }
    return NULL;
}

__attribute__((constructor)) static void begin(void) {
    pthread_t thread;
    char *path = getenv("HOLDFAST_SOAK_LIVE");
    if (path) pthread_create(&thread, NULL, tell, strdup(path));
    unsetenv("LD_PRELOAD");
}
