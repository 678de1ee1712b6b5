/* A load generator for one HTTP/1.1 request, sent again and again over a number of connections.
 *
 *   load ADDRESS PORT REQUEST_FILE CONNECTIONS COUNT SECONDS RATE TIMEOUT_SECONDS ROWS_FILE
 *
 * Ends after COUNT requests, or when SECONDS have passed; either way every request that was begun is finished, so
 * that what was sent can be compared with what was recorded. RATE 0: each connection sends its next request when it
 * has its answer. Otherwise that many requests a second are due, and each is timed from when it was due, whether or
 * not a connection was free by then. One row per request: due, first byte of the body, end (microseconds since the
 * start), status (0: no whole answer), bytes of the body. The last line of standard output is JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 16384, READ_BYTES = 65536, EVENTS = 256 };
enum framing { BY_LENGTH, BY_CHUNKS, BY_CLOSE };
enum chunk { SIZE, EXTENSION, DATA, DATA_END, TRAILER };

struct connection {
    int socket, busy, status, closes;
    int head_length, in_body;
    enum framing framing;
    enum chunk chunk;
    int64_t left, line;              /* bytes of the body or the chunk still to come; characters of a trailer line */
    int64_t due, first, bytes;
    char head[HEAD_BYTES + 1];
};

static struct sockaddr_in target;
static char *request;
static size_t request_length;
static struct connection *connections;
static int connection_count, poller;
static int64_t wanted, begun, finished, failed, begin_until, timeout, zero;
static double rate;
static FILE *rows;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000 - zero;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void dial(struct connection *one) {
    int yes = 1;
    one->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (one->socket < 0 || connect(one->socket, (struct sockaddr *)&target, sizeof target)) die("cannot connect");
    setsockopt(one->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(one->socket, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = one};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, one->socket, &event)) die("epoll_ctl");
}

static void redial(struct connection *one) {
    close(one->socket);
    dial(one);
}

static void end(struct connection *one, int status) {
    fprintf(rows, "%ld %ld %ld %d %ld\n", (long)one->due, (long)one->first, (long)now(), status, (long)one->bytes);
    one->busy = 0;
    finished++;
    if (status != 200) failed++;
    if (status == 0 || one->closes) redial(one);
}

static void begin(struct connection *one, int64_t due) {
    one->busy = 1;
    one->status = one->closes = one->head_length = one->in_body = 0;
    one->first = one->bytes = one->line = 0;
    one->due = due;
    begun++;
    if (send(one->socket, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length) end(one, 0);
}

static const char *header(const char *head, const char *name) {
    const char *line = strcasestr(head, name);
    return line ? line + strlen(name) : NULL;
}

/* Read the head's facts. Returns whether it is whole, and sets how many bytes of `data` belonged to it. */
static int take_head(struct connection *one, const char *data, int length, int *used) {
    int before = one->head_length, room = HEAD_BYTES - before, take = length < room ? length : room;
    memcpy(one->head + before, data, take);
    one->head_length += take;
    one->head[one->head_length] = 0;
    char *end_of_head = strstr(one->head, "\r\n\r\n");
    if (!end_of_head) return *used = take, 0;
    *used = (int)(end_of_head + 4 - one->head) - before;
    end_of_head[2] = 0;
    one->status = atoi(one->head + 9);
    const char *size = header(one->head, "\r\ncontent-length:"), *coding = header(one->head, "\r\ntransfer-encoding:");
    const char *connection = header(one->head, "\r\nconnection:");
    one->closes = connection && !strncasecmp(connection + strspn(connection, " "), "close", 5);
    one->framing = coding ? BY_CHUNKS : size ? BY_LENGTH : BY_CLOSE;
    one->left = size && !coding ? atoll(size) : 0;
    one->chunk = SIZE;
    return one->in_body = 1;
}

/* Walk through a chunked body. Returns 1 at its end, 0 when more has to come, -1 when it is none. */
static int take_chunks(struct connection *one, const char *data, int length) {
    for (int at = 0; at < length;) {
        char letter = data[at];
        if (one->chunk == DATA) {
            int64_t take = one->left < length - at ? one->left : length - at;
            at += take;
            one->left -= take;
            one->bytes += take;
            if (!one->left) one->chunk = DATA_END;
            continue;
        }
        at++;
        if (one->chunk == SIZE || one->chunk == EXTENSION) {
            int digit = letter >= '0' && letter <= '9' ? letter - '0' : (letter | 32) - 'a' + 10;
            if (letter == '\n') {
                one->chunk = one->left ? DATA : TRAILER;
                one->line = 0;
            } else if (letter == ';' || letter == '\r' || one->chunk == EXTENSION) {
                one->chunk = EXTENSION;
            } else if (digit < 0 || digit > 15) {
                return -1;
            } else {
                one->left = one->left * 16 + digit;
            }
        } else if (one->chunk == DATA_END) {
            if (letter == '\n') one->chunk = SIZE, one->left = 0;
        } else if (letter == '\n') {
            if (!one->line) return 1;
            one->line = 0;
        } else if (letter != '\r') {
            one->line++;
        }
    }
    return 0;
}

static void take(struct connection *one, const char *data, int length) {
    while (length > 0 && one->busy) {
        int used = length;
        if (!one->in_body) {
            if (!take_head(one, data, length, &used)) {
                if (one->head_length == HEAD_BYTES) end(one, 0);
                return;
            }
            if (one->framing == BY_LENGTH && !one->left) return end(one, one->status);
        } else {
            if (!one->first) one->first = now();
            if (one->framing == BY_CHUNKS) {
                int whole = take_chunks(one, data, length);
                if (whole) end(one, whole > 0 ? one->status : 0);
            } else {
                one->bytes += length;
                if (one->framing == BY_LENGTH && (one->left -= length) <= 0) end(one, one->left ? 0 : one->status);
            }
        }
        data += used;
        length -= used;
    }
}

static void readable(struct connection *one) {
    static char data[READ_BYTES];
    ssize_t length;
    while ((length = recv(one->socket, data, sizeof data, 0)) > 0) {
        take(one, data, (int)length);
        if (length < (ssize_t)sizeof data) return;
    }
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (!one->busy) redial(one);     /* an idle connection was closed by the other side */
    else end(one, one->in_body && one->framing == BY_CLOSE && !length ? one->status : 0);
}

static int more(void) { return begun < wanted && now() < begin_until; }

/* Begin what is due on the connections that are free. */
static void begin_due(void) {
    for (int number = 0; number < connection_count && more(); number++) {
        if (connections[number].busy) continue;
        int64_t due = rate > 0 ? (int64_t)((double)begun * 1e6 / rate) : now();
        if (due > now()) return;
        begin(&connections[number], due);
    }
}

static void give_up_late(void) {
    for (int number = 0; number < connection_count; number++)
        if (connections[number].busy && now() - connections[number].due > timeout) end(&connections[number], 0);
}

static void read_request(const char *name) {
    FILE *file = fopen(name, "rb");
    if (!file) die(name);
    request = malloc(1 << 20);
    request_length = fread(request, 1, 1 << 20, file);
    fclose(file);
}

int main(int count, char **words) {
    if (count != 10) return fprintf(stderr, "load: nine words are needed, see the top of load.c\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    target.sin_family = AF_INET;
    target.sin_port = htons((uint16_t)atoi(words[2]));
    if (!inet_aton(words[1], &target.sin_addr)) return fprintf(stderr, "load: %s is no address\n", words[1]), 2;
    read_request(words[3]);
    connection_count = atoi(words[4]);
    wanted = atoll(words[5]);
    begin_until = (int64_t)(atof(words[6]) * 1e6);
    rate = atof(words[7]);
    timeout = (int64_t)(atof(words[8]) * 1e6);
    if (!(rows = fopen(words[9], "w"))) die(words[9]);

    poller = epoll_create1(0);
    connections = calloc((size_t)connection_count, sizeof *connections);
    for (int number = 0; number < connection_count; number++) dial(&connections[number]);
    int beat = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int64_t tick = rate > 0 ? (int64_t)(5e8 / rate) + 1 : 100000000;    /* twice per request that is due */
    struct itimerspec timer = {.it_interval = {tick / 1000000000, tick % 1000000000}, .it_value = {0, 1}};
    timerfd_settime(beat, 0, &timer, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    epoll_ctl(poller, EPOLL_CTL_ADD, beat, &event);

    zero = now();
    int64_t looked = 0;
    for (begin_due(); more() || finished < begun;) {
        int ready = epoll_wait(poller, events, EVENTS, 1000);
        for (int number = 0; number < ready; number++) {
            uint64_t ticks;
            if (events[number].data.ptr) readable(events[number].data.ptr);
            else if (read(beat, &ticks, sizeof ticks) < 0 && errno != EAGAIN) die("timer");
        }
        begin_due();
        if (now() - looked > 200000) give_up_late(), looked = now();
    }
    double seconds = (double)now() / 1e6;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double processor = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
                       + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    if (fclose(rows)) die(words[9]);
    printf("{\"sent\": %ld, \"failed\": %ld, \"seconds\": %.6f, \"processor_seconds\": %.6f}\n", (long)begun, (long)failed,
           seconds, processor);
    return 0;
}
