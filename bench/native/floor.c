/*
 * The floor: the least CPU that delivery can take, on one core, because the kernel takes it.
 *
 *     lines due --> one chunk of SSE --> send() to each of N sockets          no Redis, no parsing, no event loop
 *
 * It sends what the hub sends: the same frames in one HTTP chunk, with as many lines in it, as often. Like the hub, it
 * puts more lines into a chunk if a round over all sockets takes longer than that.
 * Prints LISTENING on stderr, starts at a line on stdin, and prints one JSON object on stdout at the end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STREAM_BYTES = 64 * 1024 * 1024, LINE_BYTES = 64 * 1024, HEAD_ROOM = 32, LINES_PER_CHUNK = 2000 };

struct client {
    int fd;
    uint64_t position; /* in `stream`, which is the same for all clients */
};

static struct {
    int port, clients, size;
    double rate, chunk_lines, patience;
    int64_t count;
} option = {.clients = 1, .size = 200, .rate = 1000, .chunk_lines = 1, .count = 1000, .patience = 30};

static struct client *clients;
static char *stream; /* its last STREAM_BYTES, stored twice in a row, so that any part of it is contiguous */
static uint64_t end;
static int64_t made, rounds, sends, partial_sends;

static int64_t clock_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0)
        die("listen");
    fprintf(stderr, "LISTENING\n");
    return listener;
}

static void accept_client(struct client *client, int listener)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    char request[4096];
    int one = 1;
    client->fd = accept(listener, NULL, NULL);
    if (client->fd < 0 || recv(client->fd, request, sizeof request, 0) <= 0)
        die("accept");
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (send(client->fd, head, sizeof head - 1, MSG_NOSIGNAL) < 0)
        die("send");
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
}

static int write_frame(char *into, int64_t number)
{
    int length = sprintf(into, "id: 1795233018000-%ld\nevent: message\ndata: ", number);
    int line = sprintf(into + length, "{\"t\":%ld,\"n\":%ld,\"level\":\"info\",\"info\":\"", clock_ns(), number);
    int padding = option.size - line - 2 > 0 ? option.size - line - 2 : 0;
    memset(into + length + line, 'x', (size_t)padding);
    memcpy(into + length + line + padding, "\"}\n\n", 4);
    return length + line + padding + 4;
}

static void append(const char *at, size_t length)
{
    for (size_t done = 0; done < length;) {
        size_t from = end % STREAM_BYTES, part = length - done;
        if (part > STREAM_BYTES - from)
            part = STREAM_BYTES - from;
        memcpy(stream + from, at + done, part);
        memcpy(stream + STREAM_BYTES + from, at + done, part);
        end += part;
        done += part;
    }
}

/* Appends the lines up to number `upto` to the stream, as one chunk. */
static void append_chunk(int64_t upto)
{
    static char frames[LINES_PER_CHUNK * 1024 + LINE_BYTES];
    size_t length = 0;
    while (made < upto && length < LINES_PER_CHUNK * 1024)
        length += (size_t)write_frame(frames + length, made++);
    char head[HEAD_ROOM];
    append(head, (size_t)sprintf(head, "%zx\r\n", length));
    append(frames, length);
    append("\r\n", 2);
}

/* Sends what `client` lacks; returns 1 if it couldn't take all of it. */
static int write_to(struct client *client)
{
    uint64_t left = end - client->position;
    if (!left)
        return 0;
    if (left > STREAM_BYTES) {
        errno = ENOBUFS;
        die("a client has fallen behind further than the stream is kept");
    }
    ssize_t written = send(client->fd, stream + client->position % STREAM_BYTES, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && errno != EAGAIN)
        die("send");
    sends++;
    if (written > 0)
        client->position += (uint64_t)written;
    partial_sends += written < (ssize_t)left;
    return written < (ssize_t)left;
}

/* Returns how many clients are still behind. */
static int write_to_all(void)
{
    int behind = 0;
    for (int each = 0; each < option.clients; each++)
        behind += write_to(&clients[each]);
    rounds++;
    return behind;
}

static void sleep_until(int64_t time_ns)
{
    struct timespec until = {time_ns / 1000000000, time_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void run(void)
{
    int64_t began_ns = clock_ns(), last_ns;
    while (made < option.count) {
        int64_t due = (int64_t)((clock_ns() - began_ns) / 1e9 * option.rate) + 1;
        append_chunk(due < option.count ? due : option.count);
        write_to_all();
        sleep_until(began_ns + (int64_t)((made - 1 + option.chunk_lines) / option.rate * 1e9));
    }
    last_ns = clock_ns();
    while (write_to_all() && clock_ns() - last_ns < option.patience * 1e9)
        sleep_until(clock_ns() + 5000000);
}

static void report(double seconds, double cpu)
{
    double deliveries = (double)made * option.clients;
    printf("{\"deliveries\": %.0f, \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"cpu_us_per_delivery\": %.4f, ", deliveries,
           seconds, cpu, cpu * 1e6 / deliveries);
    printf("\"rounds\": %ld, \"sends\": %ld, \"partial_sends\": %ld, ", rounds, sends, partial_sends);
    printf("\"lines_per_round\": %.2f, \"bytes\": %lu}\n", (double)made / (double)rounds, end);
    fflush(stdout);
}

static void parse(int count, char **values)
{
    static const struct option names[] = {{"port", 1, 0, 'p'}, {"clients", 1, 0, 'c'}, {"size", 1, 0, 's'},
                                          {"rate", 1, 0, 'r'}, {"count", 1, 0, 'n'},   {"chunk-lines", 1, 0, 'k'},
                                          {0, 0, 0, 0}};
    for (int name; (name = getopt_long(count, values, "", names, NULL)) != -1;) {
        switch (name) {
        case 'p': option.port = atoi(optarg); break;
        case 'c': option.clients = atoi(optarg); break;
        case 's': option.size = atoi(optarg); break;
        case 'r': option.rate = atof(optarg); break;
        case 'n': option.count = atoll(optarg); break;
        case 'k': option.chunk_lines = atof(optarg); break;
        default: option.port = 0;
        }
    }
    if (option.port && option.clients > 0 && option.size < LINE_BYTES - 256 && option.rate > 0)
        return;
    fprintf(stderr, "floor --port P [--clients N] [--rate LINES_PER_SECOND] [--count LINES] [--size BYTES]\n"
                    "      [--chunk-lines LINES_PER_CHUNK]\n");
    exit(2);
}

int main(int count, char **values)
{
    parse(count, values);
    clients = calloc((size_t)option.clients, sizeof *clients);
    stream = malloc(2 * (size_t)STREAM_BYTES);
    int listener = listen_on(option.port);
    for (int each = 0; each < option.clients; each++)
        accept_client(&clients[each], listener);
    if (getchar() == EOF)
        return 1;
    double cpu_before = cpu_seconds();
    int64_t began_ns = clock_ns();
    run();
    report((clock_ns() - began_ns) / 1e9, cpu_seconds() - cpu_before);
    /* Wait for the load client to end first: it would count connections closed here as disconnected. */
    while (getchar() != EOF)
        continue;
    return 0;
}
