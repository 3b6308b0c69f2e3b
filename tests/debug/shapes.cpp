#include <cstdio>

namespace shapes {

class Shape {
public:
    explicit Shape(int side) : side(side) {}
    virtual ~Shape() {}
    virtual int area() const { return side * side; }

protected:
    int side;
};

class Pair : public Shape {
public:
    Pair(int side, int other) : Shape(side), other(other) {}
    int area() const override {
        int product = side * other;
        return product;
    }

private:
    int other;
};

template <typename T> T largest(const T &a, const T &b) {
    if (a < b)
        return b;
    return a;
}

} // namespace shapes

static int measure(const shapes::Shape &shape) {
    int area = shape.area();
    return area;
}

int main() {
    shapes::Pair pair(3, 4);
    shapes::Shape square(5);
    int area = shapes::largest(measure(square), measure(pair));
    area = shapes::largest(measure(pair), area);
    std::printf("%d\n", area);
    return area == 25 ? 7 : 8;
}
