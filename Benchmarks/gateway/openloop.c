// Sends GETs at a constant rate, whether answers come or not, and prints how long they took, each counted from the
// moment at which it was due. So a proxy that stalls is charged for every request that it kept waiting, which a loop
// that waits for an answer before it asks again would leave out.
//
//     openloop HOST PORT RATE SECONDS CONNECTIONS
//
// Prints: sent answered failed p50 p90 p99 p999 max, times in microseconds. The first second is not counted.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { RESPONSE = 16384, MOST_CONNECTIONS = 1024, WAIT_FOR_THE_LAST = 2 };

struct connection {
    int socket;
    int64_t due;       // when the request that it carries should have been sent
    size_t received;   // bytes of the response so far
    size_t expected;   // of head and body together; 0 while the head is incomplete
    char response[RESPONSE + 1];
};

static struct sockaddr_in address;
static char request[256];
static size_t request_length;
static struct connection connections[MOST_CONNECTIONS], *idle[MOST_CONNECTIONS];
static int idle_count, busy_count, poller;
static int64_t *latencies;
static size_t answered, failed, measured;
static int64_t counted_from;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void stop(const char *what) {
    fprintf(stderr, "openloop: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_connection(struct connection *connection) {
    int one = 1;
    connection->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->socket < 0 || connect(connection->socket, (struct sockaddr *)&address, sizeof address))
        stop("connect");
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->socket, &event)) stop("epoll_ctl");
}

static void send_request(struct connection *connection, int64_t due) {
    connection->due = due;
    connection->received = connection->expected = 0;
    busy_count++;
    // A failure to send shows as the end of the connection when it is read.
    (void)!send(connection->socket, request, request_length, MSG_NOSIGNAL);
}

static void end_request(struct connection *connection, bool succeeded) {
    if (connection->due >= counted_from) {
        if (succeeded) latencies[measured++] = now() - connection->due;
        if (succeeded) answered++; else failed++;
    }
    busy_count--;
    idle[idle_count++] = connection;
}

static void reopen(struct connection *connection) {
    close(connection->socket);
    open_connection(connection);
}

// Whether the response that is being received is whole.
static bool is_whole(struct connection *connection) {
    if (!connection->expected) {
        connection->response[connection->received] = 0;
        char *end = strstr(connection->response, "\r\n\r\n");
        if (!end) return false;
        char *length = strcasestr(connection->response, "\ncontent-length:");
        connection->expected = end + 4 - connection->response + (length && length < end ? strtoul(length + 16, 0, 10) : 0);
    }
    return connection->received >= connection->expected;
}

static void receive(struct connection *connection) {
    ssize_t count = recv(connection->socket, connection->response + connection->received,
                         RESPONSE - connection->received, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        reopen(connection);
        if (connection->due) end_request(connection, false);
        connection->due = 0;
        return;
    }
    connection->received += count;
    if (!is_whole(connection)) return;
    bool succeeded = !strncmp(connection->response, "HTTP/1.1 2", 10);
    end_request(connection, succeeded);
    connection->due = 0;
}

static int ascending(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static double quantile(double share) {
    return measured ? latencies[(size_t)(share * (measured - 1))] / 1e3 : 0;
}

int main(int count, char **arguments) {
    if (count != 6) return fprintf(stderr, "usage: openloop HOST PORT RATE SECONDS CONNECTIONS\n"), 64;
    int rate = atoi(arguments[3]), seconds = atoi(arguments[4]), width = atoi(arguments[5]);
    if (rate < 1 || rate > 1000000 || seconds < 1 || seconds > 3600 || width < 1 || width > MOST_CONNECTIONS)
        return fprintf(stderr, "openloop: a rate of 1 to 1000000, 1 to 3600 seconds, and 1 to %d connections\n", MOST_CONNECTIONS), 64;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(arguments[2]))};
    if (inet_pton(AF_INET, arguments[1], &address.sin_addr) != 1) stop("address");
    request_length = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s:%s\r\n\r\n", arguments[1], arguments[2]);
    latencies = malloc((size_t)rate * seconds * sizeof *latencies);
    poller = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (!latencies || poller < 0 || timer < 0) stop("start");
    prctl(PR_SET_TIMERSLACK, 1);
    for (int i = 0; i < width; i++) open_connection(idle[idle_count++] = &connections[i]);
    struct epoll_event ticks = {.events = EPOLLIN, .data.ptr = 0}, events[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &ticks);

    int64_t start = now(), end = start + (seconds + 1) * 1000000000LL, last = end + WAIT_FOR_THE_LAST * 1000000000LL;
    counted_from = start + 1000000000LL;
    size_t next = 0, total = (size_t)rate * (seconds + 1);
    while ((next < total || busy_count) && now() < last) {
        int64_t time = now(), due = start + (int64_t)(next * 1000000000ULL / rate);
        // Those that are due and find no connection free wait, and their time runs.
        while (next < total && due <= time && idle_count) {
            send_request(idle[--idle_count], due);
            due = start + (int64_t)(++next * 1000000000ULL / rate);
        }
        int64_t wake = next < total && idle_count ? due : last;
        struct itimerspec alarm = {.it_value = {wake / 1000000000, wake % 1000000000}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &alarm, 0);
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            uint64_t expirations;
            if (events[i].data.ptr) receive(events[i].data.ptr);
            else (void)!read(timer, &expirations, sizeof expirations);
        }
    }
    // What was due and was never answered is a failure.
    size_t expected = (size_t)rate * seconds;
    if (answered + failed < expected) failed = expected - answered;
    qsort(latencies, measured, sizeof *latencies, ascending);
    printf("%zu %zu %zu %.0f %.0f %.0f %.0f %.0f\n", expected, answered, failed, quantile(0.5), quantile(0.9),
           quantile(0.99), quantile(0.999), quantile(1));
}
