// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Prints the OpenAPI document: docs/openapi.json is what it prints.
#include <droplit/openapi.hpp>

#include <iostream>

int main() { std::cout << droplit::openapi_json(); }
