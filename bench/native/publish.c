/*
 * Publisher: numbered lines with timestamps, pipelined over one connection.
 *
 *     {"t":<ns>,"n":<number>,"level":"info","info":"xxx…"} --> PUBLISH to Redis, or POST to an HTTP publisher (Nchan)
 *
 * "t" is CLOCK_MONOTONIC in nanoseconds at the moment the line is written; "n" counts from 0 on each channel. With
 * --publisher K, "p":K follows "n", so that load.c can tell several publishers apart.
 * Lines go to the channels in turn. At most --window replies are outstanding. Prints one JSON object on stdout at the
 * end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { OUT_BYTES = 256 * 1024, IN_BYTES = 64 * 1024, LINE_BYTES = 128 * 1024, TICK_US = 250, PATIENCE_SECONDS = 30 };

static struct {
    int port, channels, size, window, burst, publisher;
    double rate, seconds;
    int64_t count;
    const char *channel, *http;
} option = {.publisher = -1, .channels = 1, .size = 200, .window = 2000, .burst = 1, .seconds = 60, .count = 1000, .channel = "bench"};

static int connection;
static char out[OUT_BYTES + 2 * LINE_BYTES], in[IN_BYTES];
static size_t out_bytes, in_bytes;
static int64_t began_ns, sent, answered, errors, body_left;

static int64_t clock_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "publish: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_connection(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    fcntl(connection, F_SETFL, O_NONBLOCK);
}

/* Writes a line of exactly --size bytes, or longer if timestamp and number need it; returns its length. */
static int line_of(char *into, int64_t number)
{
    int length = sprintf(into, "{\"t\":%ld,\"n\":%ld,", clock_ns(), number);
    if (option.publisher >= 0)
        length += sprintf(into + length, "\"p\":%d,", option.publisher);
    length += sprintf(into + length, "\"level\":\"info\",\"info\":\"");
    int padding = option.size - length - 2;
    if (padding > 0) {
        memset(into + length, 'x', (size_t)padding);
        length += padding;
    }
    memcpy(into + length, "\"}", 2);
    return length + 2;
}

static void write_line(void)
{
    char line[LINE_BYTES], channel[256], path[512];
    int number = (int)(sent % option.channels);
    int length = line_of(line, sent / option.channels);
    int name = snprintf(channel, sizeof channel, option.channel, number);
    if (option.http) {
        snprintf(path, sizeof path, option.http, number);
        out_bytes += (size_t)sprintf(out + out_bytes, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n",
                                     path, length);
    } else {
        out_bytes += (size_t)sprintf(out + out_bytes, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n", name, channel, length);
    }
    memcpy(out + out_bytes, line, (size_t)length);
    out_bytes += (size_t)length;
    if (!option.http) {
        memcpy(out + out_bytes, "\r\n", 2);
        out_bytes += 2;
    }
    sent++;
}

/* How many lines should have been sent by `now`. */
static int64_t due(int64_t now)
{
    if (option.rate <= 0)
        return option.count;
    int64_t lines = (int64_t)((now - began_ns) / 1e9 * option.rate) + 1;
    lines = lines / option.burst * option.burst;
    return lines < option.count ? lines : option.count;
}

static void write_due_lines(void)
{
    int64_t due_lines = due(clock_ns());
    while (sent < due_lines && sent - answered < option.window && out_bytes < OUT_BYTES)
        write_line();
}

static void flush(void)
{
    ssize_t written = send(connection, out, out_bytes, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN)
        die("send");
    if (written > 0) {
        out_bytes -= (size_t)written;
        memmove(out, out + written, out_bytes);
    }
}

/* Returns the length of the Redis reply at `at`, or 0 if it is incomplete. */
static size_t parse_redis_reply(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    if (!newline)
        return 0;
    if (*at == '-') {
        fprintf(stderr, "publish: %.*s\n", (int)(newline - at), at);
        errors++;
    }
    return (size_t)(newline + 1 - at);
}

/* Returns the length of the HTTP response head at `at`, or 0 if it is incomplete; sets `body_left`. */
static size_t parse_http_head(const char *at, const char *end)
{
    const char *rest = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
    if (!rest)
        return 0;
    if (end - at > 12 && at[9] != '2') {
        fprintf(stderr, "publish: %.40s\n", at);
        errors++;
    }
    char head[4096];
    snprintf(head, sizeof head, "%.*s", (int)(rest - at), at);
    const char *length = strcasestr(head, "content-length:");
    body_left = length ? atoll(length + 15) : 0;
    return (size_t)(rest + 4 - at);
}

static void receive_replies(void)
{
    ssize_t length = recv(connection, in + in_bytes, IN_BYTES - in_bytes, 0);
    if (length < 0 && errno == EAGAIN)
        return;
    if (length <= 0)
        die("the server closed the connection");
    in_bytes += (size_t)length;
    const char *at = in, *end = in + in_bytes;
    while (at < end) {
        size_t body = (size_t)(body_left < end - at ? body_left : end - at);
        at += body;
        body_left -= (int64_t)body;
        size_t reply = at == end ? 0 : option.http ? parse_http_head(at, end) : parse_redis_reply(at, end);
        if (!reply)
            break;
        at += reply;
        answered++;
    }
    in_bytes = (size_t)(end - at);
    memmove(in, at, in_bytes);
}

/* Waits for a reply, room to write, or the time of the next line; lines of one tick are sent together. */
static void wait_for_work(void)
{
    struct pollfd interest = {.fd = connection, .events = (short)(POLLIN | (out_bytes ? POLLOUT : 0))};
    int64_t wait_ns = 100000000;
    if (option.rate > 0 && sent < option.count && sent - answered < option.window) {
        int64_t next_ns = began_ns + (int64_t)((sent + option.burst - 1) / option.rate * 1e9) - clock_ns();
        wait_ns = next_ns < TICK_US * 1000 ? TICK_US * 1000 : next_ns;
    }
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
    if (option.rate > 0 || sent - answered >= option.window || sent == option.count || out_bytes)
        ppoll(&interest, 1, &wait, NULL);
}

/* After --seconds, publishing stops once every channel has the same number of lines; all replies are awaited. */
static int finished(double seconds)
{
    if (seconds > option.seconds && sent < option.count)
        option.count = (sent + option.channels - 1) / option.channels * option.channels;
    return answered >= option.count || seconds > option.seconds + PATIENCE_SECONDS;
}

static void run(void)
{
    began_ns = clock_ns();
    while (!finished((clock_ns() - began_ns) / 1e9)) {
        write_due_lines();
        if (out_bytes)
            flush();
        wait_for_work();
        receive_replies();
    }
}

static void report(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    double seconds = (clock_ns() - began_ns) / 1e9;
    printf("{\"sent\": %ld, \"answered\": %ld, \"errors\": %ld, \"seconds\": %.3f, \"rate\": %.1f, \"cpu_seconds\": %.3f}\n",
           sent, answered, errors, seconds, answered / seconds, cpu);
}

static void usage(void)
{
    fprintf(stderr, "publish --port P [--channel c%%d] [--channels C] [--count LINES] [--rate LINES_PER_SECOND, 0: no limit]\n"
                    "        [--size BYTES] [--window REPLIES] [--burst LINES] [--seconds AT_MOST] [--http /publish?id=c%%d]\n"
                    "        [--publisher NUMBER]\n");
    exit(2);
}

static void parse(int count, char **values)
{
    static const struct option names[] = {
        {"port", 1, 0, 'p'}, {"channel", 1, 0, 'c'}, {"channels", 1, 0, 'C'}, {"count", 1, 0, 'n'}, {"rate", 1, 0, 'r'},
        {"size", 1, 0, 's'}, {"window", 1, 0, 'w'},  {"seconds", 1, 0, 'S'},  {"http", 1, 0, 'h'},
        {"burst", 1, 0, 'b'}, {"publisher", 1, 0, 'k'}, {0, 0, 0, 0}};
    for (int name; (name = getopt_long(count, values, "", names, NULL)) != -1;) {
        switch (name) {
        case 'p': option.port = atoi(optarg); break;
        case 'c': option.channel = optarg; break;
        case 'C': option.channels = atoi(optarg); break;
        case 'n': option.count = atoll(optarg); break;
        case 'r': option.rate = atof(optarg); break;
        case 's': option.size = atoi(optarg); break;
        case 'w': option.window = atoi(optarg); break;
        case 'S': option.seconds = atof(optarg); break;
        case 'b': option.burst = atoi(optarg); break;
        case 'k': option.publisher = atoi(optarg); break;
        case 'h': option.http = optarg; break;
        default: usage();
        }
    }
    if (!option.port || option.channels < 1 || option.burst < 1 || option.size > LINE_BYTES - 256)
        usage();
}

int main(int count, char **values)
{
    parse(count, values);
    open_connection();
    run();
    report();
    return errors != 0;
}
