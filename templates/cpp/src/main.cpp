#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char **argv) {
    std::printf("Hello from mewz\n");
    const std::vector<std::string> arguments(argv, argv + argc);
    for (std::size_t i = 1; i < arguments.size(); i++)
        std::printf("argument %zu: %s\n", i, arguments[i].c_str());
}
