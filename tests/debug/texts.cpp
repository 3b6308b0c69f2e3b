// Texts and lists of C++'s library for a debugger to show.

#include <string>
#include <vector>

static int look(const std::string &name, const std::vector<std::string> &names) {
    return (int)(name.size() + names.size());
}

static std::string named(const char *name) {
    return name;
}

int main() {
    std::string name(named("pair"));
    std::vector<std::string> names{name, "a text that is too long to be kept inside"};
    std::vector<int> none;
    return look(name, names) + (int)none.size();
}
