// cli/main.cpp
int main() {
    return 0;
}
