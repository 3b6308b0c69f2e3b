// An HTTP server: one loop over any number of connections, which stay open between requests.
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// The first of `listen` in mewz.toml.
constexpr int listener = 3;
constexpr std::size_t head_bytes_max = 16 * 1024;

struct Request {
    std::string method, path;
    std::size_t body_bytes = 0;
};

struct Answer {
    std::string status, body;
};

// Your application: the status and the body that answer one request.
static Answer handle(const Request &request) {
    if (request.path != "/")
        return {"404 Not Found", "There is nothing here\n"};
    return {"200 OK", "Hello from mewz\nYou sent a " + request.method + "\n"};
}

// The request that a head holds, all of its lines ended.
static std::optional<Request> parse(const std::string &head) {
    const std::size_t first_end = head.find("\r\n");
    const std::string first = head.substr(0, first_end);
    const std::size_t method_end = first.find(' ');
    if (method_end == std::string::npos)
        return std::nullopt;
    const std::size_t path_end = std::min(first.find(' ', method_end + 1), first.size());
    Request request{first.substr(0, method_end), first.substr(method_end + 1, path_end - method_end - 1)};
    for (std::size_t at = first_end + 2; at < head.size(); at = head.find("\r\n", at) + 2) {
        const std::size_t colon = head.find(':', at);
        const std::string name = head.substr(at, colon - at);
        if (colon == std::string::npos || strcasecmp(name.c_str(), "Transfer-Encoding") == 0)
            return std::nullopt;
        if (strcasecmp(name.c_str(), "Content-Length") == 0)
            request.body_bytes = std::strtoul(head.c_str() + colon + 1, nullptr, 10);
    }
    return request;
}

class Connection {
public:
    explicit Connection(int fd) : fd_(fd) {}
    Connection(const Connection &) = delete;
    ~Connection() { close(fd_); }

    int fd() const { return fd_; }

    // Takes what came, and answers each whole request in it; says whether the connection goes on.
    bool serve() {
        char room[4096];
        const ssize_t got = recv(fd_, room, sizeof room, 0);
        if (got <= 0)
            return false;
        pending_.append(room, static_cast<std::size_t>(got));
        for (;;) {
            const std::size_t skipped = std::min(to_skip_, pending_.size());
            pending_.erase(0, skipped);
            to_skip_ -= skipped;
            const std::size_t end = pending_.find("\r\n\r\n");
            if (end == std::string::npos)
                return pending_.size() <= head_bytes_max;
            const std::optional<Request> request = parse(pending_.substr(0, end + 2));
            if (!request) {
                respond({"400 Bad Request", "This is no request that I know\n"});
                return false;
            }
            if (!respond(handle(*request)))
                return false;
            to_skip_ = end + 4 + request->body_bytes;
        }
    }

private:
    // Waits for a client that reads slowly.
    bool respond(const Answer &answer) const {
        const std::string text = "HTTP/1.1 " + answer.status + "\r\nContent-Type: text/plain\r\nContent-Length: " +
                                 std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
        for (std::size_t sent = 0; sent < text.size();) {
            const ssize_t more = send(fd_, text.data() + sent, text.size() - sent, 0);
            if (more < 0)
                return false;
            sent += static_cast<std::size_t>(more);
        }
        return true;
    }

    int fd_;
    std::string pending_;      // what came and is not answered yet
    std::size_t to_skip_ = 0;  // bytes of a body that nobody reads
};

int main() {
    std::vector<std::unique_ptr<Connection>> connections;
    std::puts("listening");
    std::fflush(stdout);
    for (;;) {
        std::vector<pollfd> polled{{listener, POLLIN, 0}};
        for (const auto &one : connections)
            polled.push_back({one->fd(), POLLIN, 0});
        if (poll(polled.data(), polled.size(), -1) < 0) {
            std::perror("poll");
            return 1;
        }
        for (std::size_t at = 0; at < connections.size(); at++)
            if (polled[at + 1].revents != 0 && !connections[at]->serve())
                connections[at].reset();
        connections.erase(std::remove(connections.begin(), connections.end(), nullptr), connections.end());
        if (polled[0].revents != 0)
            if (const int fd = accept(listener, nullptr, nullptr); fd >= 0)
                connections.push_back(std::make_unique<Connection>(fd));
    }
}
