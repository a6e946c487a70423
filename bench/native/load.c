/*
 * Load client: N subscribers in one process; every line of each one is checked.
 *
 *     epoll --> recv --> HTTP chunks --> SSE lines --> {"t":<ns>,"n":<number>} --> sequence check, latency histogram
 *
 * "t" is CLOCK_MONOTONIC in nanoseconds, written by publish.c on the same machine; "n" counts from 0 on each channel.
 * With --publishers P, "p" from 0 on says whose line it is, and each publisher counts by itself.
 * With --ids, each client has one channel and no batch=1: each id must follow the one before it, and the report has a
 * digest of the ids and lines of each client, so that two programs can be compared.
 * Prints READY on stderr once every client has received its response head, and one JSON object on stdout at the end.
 * A number on stdin sets how many lines each client should receive (like --lines); the program ends when all have them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024, CONNECTING_AT_ONCE = 256, SLOW_TICK_MS = 50, SLOW_RECEIVE_BYTES = 16 * 1024 };
/* Histogram of microseconds with 64 buckets per power of two, so a bucket is at most 1.6 % wide. */
enum { STEPS = 64, POWERS = 34, BUCKETS = STEPS * POWERS };
enum phase { UNUSED, CONNECTING, HEAD, BODY, CLOSED };
enum chunk { SIZE, REST_OF_SIZE, DATA, AFTER_DATA, PLAIN };
enum event { MESSAGE, GAP, OTHER };

/* The lines of one publisher. */
struct sequence {
    int64_t next;  /* the number after the highest one seen */
    uint8_t *seen; /* a bit for each number seen; NULL until a line is out of order */
    int64_t seen_bits;
};

struct id {
    uint64_t fence, n;
};

struct client {
    int fd;
    enum phase phase;
    enum chunk chunk;
    enum event event;
    int slow;
    uint64_t chunk_left;
    char *partial; /* an incomplete response head or line */
    size_t partial_bytes, partial_capacity;
    struct sequence *sequences; /* of each publisher */
    uint64_t distinct;
    int complete;
    struct id id, first_id, last_id; /* of this event, and of lines */
    uint64_t digest;
};

struct latency {
    uint64_t bucket[BUCKETS], count, max_us;
};

static struct {
    int port, clients, channels, slow, publishers, ids;
    double seconds, ramp, slow_bytes, slow_seconds, settle_seconds;
    int64_t lines;
    const char *path, *last_event_id;
} option = {.clients = 1, .channels = 1, .publishers = 1, .seconds = 10, .slow_bytes = 10000, .slow_seconds = 1e9,
            .settle_seconds = 0.2, .path = "/message?channel=bench"};

static struct client *clients;
static struct latency latency[2]; /* of fast and of slow clients */
static int poller, started, connecting, responded, closed, complete;
static uint64_t refused, lines, duplicates, reordered, jumps, gaps, bytes, chunks, reads;
static int64_t now_ns, began_ns, ready_ns, first_line_ns, last_line_ns, completed_ns;
static char buffer[READ_BYTES];

static int64_t clock_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- checking lines ---- */

static int bucket_of(uint64_t us)
{
    if (us < STEPS)
        return (int)us;
    int power = 63 - __builtin_clzll(us);
    int bucket = (power - 5) * STEPS + (int)(us >> (power - 6)) - STEPS;
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double bucket_ms(int bucket)
{
    if (bucket < STEPS)
        return bucket / 1000.0;
    int power = bucket / STEPS + 5;
    return (double)((uint64_t)(bucket % STEPS + STEPS) << (power - 6)) / 1000.0;
}

static void record_latency(struct latency *into, int64_t stamp)
{
    uint64_t us = now_ns > stamp ? (uint64_t)(now_ns - stamp) / 1000 : 0;
    into->bucket[bucket_of(us)]++;
    into->count++;
    if (us > into->max_us)
        into->max_us = us;
}

static void grow_seen(struct sequence *sequence, int64_t upto)
{
    if (upto <= sequence->seen_bits)
        return;
    int64_t bits = (upto + option.lines + 4096) / 8 * 8;
    sequence->seen = realloc(sequence->seen, bits / 8);
    memset(sequence->seen + sequence->seen_bits / 8, 0, (bits - sequence->seen_bits) / 8);
    sequence->seen_bits = bits;
}

static void mark_seen(struct sequence *sequence, int64_t number)
{
    sequence->seen[number / 8] |= (uint8_t)(1 << number % 8);
}

/* Before the first line out of order, `next` alone says which lines were seen; from then on, `seen` does. */
static void record_out_of_order(struct client *client, struct sequence *sequence, int64_t number)
{
    int first_time = !sequence->seen;
    grow_seen(sequence, (number > sequence->next ? number : sequence->next) + 1);
    for (int64_t before = 0; first_time && before < sequence->next; before++)
        mark_seen(sequence, before);
    if (number < sequence->next && sequence->seen[number / 8] & (1 << number % 8)) {
        duplicates++;
        return;
    }
    if (number < sequence->next)
        reordered++;
    else
        sequence->next = number + 1;
    mark_seen(sequence, number);
    client->distinct++;
}

static void record_line(struct client *client, int64_t stamp, int64_t number, int64_t publisher)
{
    struct sequence *sequence = &client->sequences[publisher];
    lines++;
    last_line_ns = now_ns;
    if (!first_line_ns)
        first_line_ns = now_ns;
    record_latency(&latency[client->slow], stamp);
    if (number == sequence->next && !sequence->seen) {
        sequence->next++;
        client->distinct++;
    } else {
        record_out_of_order(client, sequence, number);
    }
    if (!client->complete && option.lines && client->distinct >= (uint64_t)option.lines) {
        client->complete = 1;
        completed_ns = now_ns;
        complete++;
    }
}

/* FNV-1a. */
static void add_to_digest(struct client *client, const void *at, size_t length)
{
    for (const uint8_t *byte = at; byte < (const uint8_t *)at + length; byte++)
        client->digest = (client->digest ^ *byte) * 0x100000001b3;
}

static void record_id(struct client *client, const char *line, const char *end)
{
    struct id id = client->id, last = client->last_id;
    int follows = id.fence == last.fence ? id.n == last.n + 1 : id.fence > last.fence && id.n == 1;
    if (!last.fence)
        client->first_id = id;
    else
        jumps += !follows;
    client->last_id = id;
    add_to_digest(client, &id, sizeof id);
    add_to_digest(client, line, (size_t)(end - line));
}

static const char *number_after(const char *at, const char *end, int64_t *number)
{
    while (at < end && (*at < '0' || *at > '9'))
        at++;
    for (*number = 0; at < end && *at >= '0' && *at <= '9'; at++)
        *number = *number * 10 + (*at - '0');
    return at;
}

/* Finds each "t":1,"n":2, and "p":0 after it: one in an ordinary frame, many with escaped quotes in a batch=1 frame. */
static void on_data(struct client *client, const char *at, const char *end)
{
    if (client->event == GAP) {
        gaps++;
        return;
    }
    if (option.ids && client->event == MESSAGE)
        record_id(client, at, end);
    while (client->event == MESSAGE && (at = memmem(at, end - at, "\"t", 2))) {
        at += 2;
        if (at < end && *at != '"' && *at != '\\')
            continue;
        int64_t stamp, number, publisher = 0;
        at = number_after(at, end, &stamp);
        at = number_after(at, end, &number);
        if (option.publishers > 1)
            at = number_after(at, end, &publisher);
        if (stamp && publisher < option.publishers)
            record_line(client, stamp, number, publisher);
    }
}

static void on_line(struct client *client, const char *line, size_t length)
{
    if (length && line[length - 1] == '\r')
        length--;
    if (!length)
        client->event = MESSAGE;
    else if (length > 5 && !memcmp(line, "data:", 5))
        on_data(client, line + 5, line + length);
    else if (option.ids && length > 3 && !memcmp(line, "id:", 3))
        number_after(number_after(line, line + length, (int64_t *)&client->id.fence), line + length,
                     (int64_t *)&client->id.n);
    else if (length > 6 && !memcmp(line, "event:", 6))
        client->event = memmem(line, length, "gap", 3) ? GAP : memmem(line, length, "ping", 4) || memmem(line, length, "checkpoint", 10) ? OTHER : MESSAGE;
}

/* ---- parsing bytes into lines ---- */

static void append_partial(struct client *client, const char *at, size_t length)
{
    if (client->partial_bytes + length > client->partial_capacity) {
        client->partial_capacity = 2 * (client->partial_bytes + length);
        client->partial = realloc(client->partial, client->partial_capacity);
    }
    memcpy(client->partial + client->partial_bytes, at, length);
    client->partial_bytes += length;
}

static void on_body(struct client *client, const char *at, const char *end)
{
    while (at < end) {
        const char *newline = memchr(at, '\n', end - at);
        if (!newline) {
            append_partial(client, at, end - at);
            return;
        }
        if (client->partial_bytes) {
            append_partial(client, at, newline - at);
            on_line(client, client->partial, client->partial_bytes);
            client->partial_bytes = 0;
        } else {
            on_line(client, at, newline - at);
        }
        at = newline + 1;
    }
}

static int hex_of(char digit)
{
    return digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10;
}

static const char *on_chunk_byte(struct client *client, const char *at)
{
    if (client->chunk == SIZE && *at != '\r' && *at != ';' && *at != '\n')
        client->chunk_left = client->chunk_left * 16 + (uint64_t)hex_of(*at);
    else if (client->chunk == SIZE && *at != '\n')
        client->chunk = REST_OF_SIZE;
    else if (client->chunk == AFTER_DATA && *at == '\n')
        client->chunk = SIZE;
    else if (client->chunk != AFTER_DATA && *at == '\n') {
        client->chunk = client->chunk_left ? DATA : AFTER_DATA;
        chunks++;
    }
    return at + 1;
}

static void on_chunked(struct client *client, const char *at, const char *end)
{
    while (at < end) {
        if (client->chunk == PLAIN) {
            on_body(client, at, end);
            return;
        }
        if (client->chunk != DATA) {
            at = on_chunk_byte(client, at);
            continue;
        }
        uint64_t length = (uint64_t)(end - at) < client->chunk_left ? (uint64_t)(end - at) : client->chunk_left;
        on_body(client, at, at + length);
        at += length;
        client->chunk_left -= length;
        if (!client->chunk_left)
            client->chunk = AFTER_DATA;
    }
}

static void disconnect(struct client *client)
{
    closed++;
    if (client->phase == HEAD)
        refused++;
    client->phase = CLOSED;
    close(client->fd);
}

static void on_head(struct client *client, const char *at, const char *end)
{
    append_partial(client, at, end - at);
    append_partial(client, "", 1);
    client->partial_bytes--;
    char *rest = strstr(client->partial, "\r\n\r\n");
    if (!rest)
        return;
    *rest = 0;
    if (strncmp(client->partial, "HTTP/1.1 200", 12)) {
        fprintf(stderr, "load: refused: %.60s\n", client->partial);
        disconnect(client);
        return;
    }
    client->chunk = strcasestr(client->partial, "chunked") ? SIZE : PLAIN;
    client->phase = BODY;
    responded++;
    char *response = client->partial, *response_end = client->partial + client->partial_bytes;
    client->partial = NULL;
    client->partial_bytes = client->partial_capacity = 0;
    on_chunked(client, rest + 4, response_end);
    free(response);
}

/* ---- connections ---- */

static void send_request(struct client *client)
{
    char path[1024], text[2048], resume[1024] = "";
    snprintf(path, sizeof path, option.path, (int)(client - clients) % option.channels);
    if (option.last_event_id)
        snprintf(resume, sizeof resume, "Last-Event-ID: %s\r\n", option.last_event_id);
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n%s\r\n", path, resume);
    if (send(client->fd, text, (size_t)length, MSG_NOSIGNAL) != length)
        disconnect(client);
}

static void start_connecting(struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        die("socket (is the limit on open files too low?)");
    int size = SLOW_RECEIVE_BYTES;
    if (client->slow)
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        die("connect");
    client->phase = CONNECTING;
    connecting++;
    struct epoll_event interest = {.events = EPOLLOUT, .data.ptr = client};
    epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &interest);
}

static void connect_due_clients(void)
{
    double due = option.ramp > 0 ? (now_ns - began_ns) / 1e9 * option.ramp + 1 : option.clients;
    while (started < option.clients && started < due && connecting < CONNECTING_AT_ONCE)
        start_connecting(&clients[started++]);
}

static void on_connected(struct client *client)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    connecting--;
    if (error) {
        errno = error;
        die("connect");
    }
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(poller, client->slow ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, client->fd, &interest);
    client->phase = HEAD;
    send_request(client);
}

static void receive(struct client *client, size_t at_most)
{
    ssize_t length = recv(client->fd, buffer, at_most, 0);
    if (length < 0 && errno == EAGAIN)
        return;
    if (length <= 0) {
        disconnect(client);
        return;
    }
    now_ns = clock_ns();
    reads++;
    bytes += (uint64_t)length;
    if (client->phase == HEAD)
        on_head(client, buffer, buffer + length);
    else
        on_chunked(client, buffer, buffer + length);
}

/* Slow clients are not polled: they read a fixed amount per tick, and after --slow-seconds as much as the others. */
static void receive_for_slow_clients(void)
{
    int unthrottled = ready_ns && now_ns - ready_ns > option.slow_seconds * 1e9;
    for (int each = 0; each < option.slow && each < started; each++) {
        struct client *client = &clients[each];
        if (client->phase == HEAD || client->phase == BODY)
            receive(client, unthrottled ? READ_BYTES : (size_t)(option.slow_bytes * SLOW_TICK_MS / 1000) + 1);
    }
}

static void watch_stdin(void)
{
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = NULL};
    /* epoll refuses files and /dev/null, from which nothing comes anyway. */
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &interest);
}

static void on_stdin(void)
{
    char text[64];
    ssize_t length = read(STDIN_FILENO, text, sizeof text - 1);
    if (length <= 0) {
        epoll_ctl(poller, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        return;
    }
    text[length] = 0;
    option.lines = atoll(text);
    complete = 0;
    for (int each = 0; each < option.clients; each++)
        complete += clients[each].complete = clients[each].distinct >= (uint64_t)option.lines;
    completed_ns = clock_ns();
}

static void poll_once(int timeout_ms)
{
    struct epoll_event events[512];
    int count = epoll_wait(poller, events, 512, timeout_ms);
    for (int each = 0; each < count; each++) {
        struct client *client = events[each].data.ptr;
        if (!client)
            on_stdin();
        else if (client->phase == CONNECTING)
            on_connected(client);
        else if (client->phase != CLOSED)
            receive(client, READ_BYTES);
    }
    now_ns = clock_ns();
}

static int finished(void)
{
    if (closed == option.clients)
        return 1;
    if (!ready_ns)
        return now_ns - began_ns > (option.seconds + 60) * 1e9;
    if (option.lines && complete + closed >= option.clients && now_ns - completed_ns > option.settle_seconds * 1e9)
        return 1;
    return now_ns - ready_ns > option.seconds * 1e9;
}

static void run(void)
{
    int64_t ticked_ns = 0;
    while (!finished()) {
        connect_due_clients();
        poll_once(option.slow ? SLOW_TICK_MS / 2 : started < option.clients ? 1 : 20);
        if (option.slow && now_ns - ticked_ns >= SLOW_TICK_MS * 1000000LL) {
            ticked_ns = now_ns;
            receive_for_slow_clients();
        }
        if (!ready_ns && responded == option.clients) {
            ready_ns = now_ns;
            fprintf(stderr, "READY\n");
        }
    }
}

/* ---- the report ---- */

static double percentile(const struct latency *of, double share)
{
    uint64_t rank = (uint64_t)(share * of->count), passed = 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++)
        if ((passed += of->bucket[bucket]) > rank)
            return bucket_ms(bucket);
    return of->max_us / 1000.0;
}

static void report_latency(const char *name, const struct latency *of)
{
    printf("\"%s\": {\"count\": %lu, \"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}, ", name,
           of->count, percentile(of, 0.5), percentile(of, 0.9), percentile(of, 0.99), of->max_us / 1000.0);
}

static void report_ids(void)
{
    printf("\"jumps\": %lu, \"ids\": [", jumps);
    for (int each = 0; each < option.clients; each++) {
        const struct client *client = &clients[each];
        printf("%s{\"first\": \"%lu-%lu\", \"last\": \"%lu-%lu\", \"digest\": \"%016lx\"}", each ? ", " : "",
               client->first_id.fence, client->first_id.n, client->last_id.fence, client->last_id.n, client->digest);
    }
    printf("], ");
}

static void report(void)
{
    uint64_t distinct = 0, missing = 0;
    for (int each = 0; each < option.clients; each++) {
        distinct += clients[each].distinct;
        uint64_t expected = (uint64_t)option.lines;
        for (int publisher = 0; !option.lines && publisher < option.publishers; publisher++)
            expected += (uint64_t)clients[each].sequences[publisher].next;
        missing += expected > clients[each].distinct ? expected - clients[each].distinct : 0;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"clients\": %d, \"ready\": %s, \"refused\": %lu, \"closed\": %d, \"complete\": %d, ", option.clients,
           ready_ns ? "true" : "false", refused, closed, complete);
    printf("\"lines\": %lu, \"delivered\": %lu, \"missing\": %lu, \"duplicates\": %lu, \"reordered\": %lu, \"gaps\": %lu, ",
           lines, distinct, missing, duplicates, reordered, gaps);
    if (option.ids)
        report_ids();
    report_latency("latency", &latency[0]);
    report_latency("slow_latency", &latency[1]);
    printf("\"connect_seconds\": %.3f, \"seconds\": %.3f, \"completed_seconds\": %.3f, ",
           ready_ns ? (ready_ns - began_ns) / 1e9 : 0, (last_line_ns - first_line_ns) / 1e9,
           completed_ns ? (completed_ns - began_ns) / 1e9 : 0);
    printf("\"bytes\": %lu, \"chunks\": %lu, \"reads\": %lu, \"cpu_seconds\": %.3f}\n", bytes, chunks, reads, cpu);
}

static void usage(void)
{
    fprintf(stderr, "load --port P [--path /message?channel=c%%d] [--channels C] [--clients N] [--lines L] [--seconds S]\n"
                    "     [--ramp CONNECTS_PER_SECOND] [--slow K --slow-bytes B_PER_SECOND --slow-seconds S]\n"
                    "     [--last-event-id ID] [--settle-seconds S] [--publishers P] [--ids 1]\n");
    exit(2);
}

static void parse(int count, char **values)
{
    static const struct option names[] = {
        {"port", 1, 0, 'p'},       {"path", 1, 0, 'u'},  {"channels", 1, 0, 'c'},   {"clients", 1, 0, 'n'},
        {"lines", 1, 0, 'l'},      {"seconds", 1, 0, 's'}, {"ramp", 1, 0, 'r'},     {"slow", 1, 0, 'k'},
        {"slow-bytes", 1, 0, 'b'}, {"slow-seconds", 1, 0, 'S'}, {"last-event-id", 1, 0, 'i'},
        {"settle-seconds", 1, 0, 'e'}, {"publishers", 1, 0, 'P'}, {"ids", 1, 0, 'I'}, {0, 0, 0, 0}};
    for (int name; (name = getopt_long(count, values, "", names, NULL)) != -1;) {
        switch (name) {
        case 'p': option.port = atoi(optarg); break;
        case 'u': option.path = optarg; break;
        case 'c': option.channels = atoi(optarg); break;
        case 'n': option.clients = atoi(optarg); break;
        case 'l': option.lines = atoll(optarg); break;
        case 's': option.seconds = atof(optarg); break;
        case 'r': option.ramp = atof(optarg); break;
        case 'k': option.slow = atoi(optarg); break;
        case 'b': option.slow_bytes = atof(optarg); break;
        case 'S': option.slow_seconds = atof(optarg); break;
        case 'i': option.last_event_id = optarg; break;
        case 'e': option.settle_seconds = atof(optarg); break;
        case 'P': option.publishers = atoi(optarg); break;
        case 'I': option.ids = atoi(optarg); break;
        default: usage();
        }
    }
    if (!option.port || option.clients < 1 || option.channels < 1 || option.publishers < 1)
        usage();
}

int main(int count, char **values)
{
    parse(count, values);
    clients = calloc((size_t)option.clients, sizeof *clients);
    for (int each = 0; each < option.slow && each < option.clients; each++)
        clients[each].slow = 1;
    for (int each = 0; each < option.clients; each++) {
        clients[each].sequences = calloc((size_t)option.publishers, sizeof *clients[each].sequences);
        clients[each].digest = 0xcbf29ce484222325;
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch_stdin();
    began_ns = now_ns = clock_ns();
    run();
    report();
    return 0;
}
