/* Lua, running `lua.lua`. */
#include <stdio.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

static const char script[] = {
#include "script.h"
};

int main(void) {
    static const luaL_Reg libraries[] = {
        {"_G", luaopen_base}, {"table", luaopen_table}, {"string", luaopen_string}, {"math", luaopen_math}};
    lua_State *state = luaL_newstate();
    if (state == NULL) return 1;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(state, libraries[i].name, libraries[i].func, 1);
        lua_pop(state, 1);
    }
    if (luaL_loadbuffer(state, script, sizeof script, "script") != LUA_OK || lua_pcall(state, 0, 0, 0) != LUA_OK) {
        printf("%s\n", lua_tostring(state, -1));
        return 1;
    }
    lua_close(state);
    return 0;
}
