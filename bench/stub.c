// A chat completions server that is never the bottleneck: one thread, epoll, constant latency.
//
// usage: stub LATENCY_MS LLM_ID [HANG_EVERY]    prints the port it listens on (loopback only), ends on SIGTERM;
//                                    every so many requests of rows never get an answer
//   POST .../chat/completions        the answer's text begins with the "id=<digits>;" of the request's body, so
//                                    that a client can check every answer against its row
//   GET  .../models, .../auth/info   the one LLM id, and whose credential it is: what a client may ask first
//   GET  /stats                      counts, and CLOCK_MONOTONIC seconds of the first row's request and the last
//                                    row's answer; a question without "id=" is a client's own probe, not counted
//
// It answers as the LLM Mesh does: no `created`, `service_tier`, `system_fingerprint` or `refusal`.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_LIMIT = 1 << 16, ANSWER_LIMIT = 4096, ANSWER_WORDS = 200, EVENTS = 512 };

typedef struct Connection {
    int fd;
    size_t filled;
    bool waiting; // for its answer to be due
    bool hanging; // until the client gives up
    bool closed;
    double due;
    long row;
    TAILQ_ENTRY(Connection) queue;
    char in[REQUEST_LIMIT + 1];
} Connection;

static TAILQ_HEAD(, Connection) waiting = TAILQ_HEAD_INITIALIZER(waiting);
static double latency;
static const char *llm_id;
static char text[ANSWER_LIMIT / 2];
static int poller, timer;
static long hang_every;
static long requests, answered, in_flight, max_in_flight, connections;
static double first_request, last_answer;
static volatile sig_atomic_t ended;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void watch(int fd, void *data) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}

static void send_all(Connection *c, const char *bytes, size_t length) {
    while (length && !c->closed) {
        ssize_t sent = send(c->fd, bytes, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){.fd = c->fd, .events = POLLOUT}, 1, -1);
        } else {
            c->closed = true;
        }
    }
}

__attribute__((format(printf, 3, 4)))
static void respond(Connection *c, const char *status, const char *format, ...) {
    char body[ANSWER_LIMIT], bytes[ANSWER_LIMIT + 256];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(body, sizeof body, format, values);
    va_end(values);
    int size = snprintf(bytes, sizeof bytes,
                        "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
                        status, length, body);
    send_all(c, bytes, (size_t)size);
}

static void answer(Connection *c) {
    respond(
        c, "200 OK",
        "{\"id\":\"chatcmpl-%016lx\",\"object\":\"chat.completion\",\"model\":\"%s\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"id=%ld; %s\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":120,\"completion_tokens\":200,\"total_tokens\":320}}",
        requests, llm_id, c->row, text);
    if (c->row < 0) return;
    answered++;
    in_flight--;
    last_answer = now();
}

static void arm_timer(void) {
    Connection *head = TAILQ_FIRST(&waiting);
    if (!head) return;
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)head->due}};
    at.it_value.tv_nsec = (long)((head->due - (double)at.it_value.tv_sec) * 1e9);
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL)) die("timerfd_settime");
}

static void accept_completion(Connection *c, const char *body) {
    const char *id = strstr(body, "id=");
    c->row = id ? strtol(id + 3, NULL, 10) : -1;
    if (id && requests++ == 0) first_request = now();
    if (id && ++in_flight > max_in_flight) max_in_flight = in_flight;
    if (id && hang_every && requests % hang_every == 0) {
        c->waiting = c->hanging = true;
        return;
    }
    if (latency <= 0) {
        answer(c);
        return;
    }
    bool alone = TAILQ_EMPTY(&waiting);
    c->due = now() + latency;
    c->waiting = true;
    TAILQ_INSERT_TAIL(&waiting, c, queue); // constant latency: the queue is in order of `due`
    if (alone) arm_timer();
}

static void respond_stats(Connection *c) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
    respond(c, "200 OK",
            "{\"requests\":%ld,\"answered\":%ld,\"max_in_flight\":%ld,\"connections\":%ld,"
            "\"first_request\":%.6f,\"last_answer\":%.6f,\"cpu_seconds\":%.6f}",
            requests, answered, max_in_flight, connections, first_request, last_answer, cpu);
}

static bool ends_with(const char *path, size_t length, const char *end) {
    size_t tail = strlen(end);
    return length >= tail && !memcmp(path + length - tail, end, tail);
}

static void dispatch(Connection *c, const char *body) {
    char method[8] = "", path[512] = "";
    sscanf(c->in, "%7s %511s", method, path);
    size_t length = strcspn(path, "?");
    bool get = !strcmp(method, "GET");
    if (!get && ends_with(path, length, "/chat/completions"))
        accept_completion(c, body);
    else if (get && ends_with(path, length, "/models"))
        respond(c, "200 OK", "{\"object\":\"list\",\"data\":[{\"id\":\"%s\",\"object\":\"model\"}]}", llm_id);
    else if (get && ends_with(path, length, "/auth/info"))
        respond(c, "200 OK", "{\"authIdentifier\":\"bench\",\"groups\":[],\"secrets\":[]}");
    else if (get && ends_with(path, length, "/stats"))
        respond_stats(c);
    else
        respond(c, "404 Not Found", "{\"errorType\":\"NotFoundException\",\"message\":\"No such route\"}");
}

// The length of the body as its header states it; clients here send no chunked bodies.
static size_t content_length(const char *head, const char *end) {
    static const char name[] = "\ncontent-length:";
    for (const char *line = head; line < end; line++)
        if (*line == '\n' && !strncasecmp(line, name, sizeof name - 1))
            return strtoul(line + sizeof name - 1, NULL, 10);
    return 0;
}

static void serve(Connection *c) {
    char *head_end;
    while (!c->waiting && !c->closed && (head_end = memmem(c->in, c->filled, "\r\n\r\n", 4))) {
        size_t head = (size_t)(head_end - c->in) + 4;
        size_t whole = head + content_length(c->in, head_end);
        if (whole > REQUEST_LIMIT) c->closed = true;
        if (c->closed || c->filled < whole) return;
        char next = c->in[whole];
        c->in[whole] = '\0';
        dispatch(c, c->in + head);
        c->in[whole] = next;
        c->filled -= whole;
        memmove(c->in, c->in + whole, c->filled);
    }
}

static void drop(Connection *c) {
    if (c->waiting) {
        if (!c->hanging) TAILQ_REMOVE(&waiting, c, queue);
        if (c->row >= 0) in_flight--;
    }
    close(c->fd);
    free(c);
}

static void receive(Connection *c) {
    ssize_t got = recv(c->fd, c->in + c->filled, REQUEST_LIMIT - c->filled, 0);
    if (got > 0) {
        c->filled += (size_t)got;
        serve(c);
    } else if (got == 0 || errno != EAGAIN) {
        c->closed = true;
    }
    if (c->closed) drop(c);
}

static void answer_due(void) {
    Connection *c;
    double time = now();
    while ((c = TAILQ_FIRST(&waiting)) && c->due <= time) {
        TAILQ_REMOVE(&waiting, c, queue);
        c->waiting = false;
        answer(c);
        serve(c);
        if (c->closed) drop(c);
    }
    arm_timer();
}

static void clear_timer(void) {
    uint64_t fired;
    if (read(timer, &fired, sizeof fired) < 0 && errno != EAGAIN) die("read");
}

static void accept_connections(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Connection *c = calloc(1, sizeof *c);
        if (!c) die("calloc");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        c->fd = fd;
        connections++;
        watch(fd, c);
    }
}

static int listen_on_loopback(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, SOMAXCONN)) die("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &size)) die("getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void write_text(void) {
    static const char *const words[] = {"the", "quick", "model",    "answers", "with",
                                        "a",   "calm",  "sentence", "about",   "data"};
    char *end = text;
    for (int i = 0; i < ANSWER_WORDS; i++)
        end += sprintf(end, "%s%s", words[(i * 7 + i / 3) % 10], i % 20 == 19 ? ".\\n" : " ");
}

static void end(int signal_number) {
    (void)signal_number;
    ended = 1;
}

int main(int count, char **arguments) {
    if (count < 3 || count > 4) {
        fputs("usage: stub LATENCY_MS LLM_ID [HANG_EVERY]\n", stderr);
        return 2;
    }
    latency = atof(arguments[1]) / 1000;
    llm_id = arguments[2];
    if (count == 4) hang_every = atol(arguments[3]);
    write_text();
    signal(SIGTERM, end);
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int listener = listen_on_loopback();
    watch(listener, &listener);
    watch(timer, &timer);
    struct epoll_event events[EVENTS];
    while (!ended) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            void *source = events[i].data.ptr;
            if (source == &listener) accept_connections(listener);
            else if (source == &timer) clear_timer();
            else receive(source);
        }
        answer_due();
    }
    return 0;
}
