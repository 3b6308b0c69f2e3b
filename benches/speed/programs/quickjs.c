/* QuickJS, running `quickjs.js`. */
#include <stdio.h>

#include "quickjs.h"

static const char script[] = {
#include "script.h"
    , 0};

static JSValue print(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    for (int i = 0; i < count; i++) {
        const char *text = JS_ToCString(context, arguments[i]);
        if (text == NULL) return JS_EXCEPTION;
        printf(i == 0 ? "%s" : " %s", text);
        JS_FreeCString(context, text);
    }
    printf("\n");
    return JS_UNDEFINED;
}

int main(void) {
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *context = runtime != NULL ? JS_NewContext(runtime) : NULL;
    if (context == NULL) return 1;
    JSValue global = JS_GetGlobalObject(context);
    JS_SetPropertyStr(context, global, "print", JS_NewCFunction(context, print, "print", 1));
    JS_FreeValue(context, global);
    JSValue result = JS_Eval(context, script, sizeof script - 1, "script", JS_EVAL_TYPE_GLOBAL);
    int status = JS_IsException(result);
    if (status != 0) {
        JSValue problem = JS_GetException(context);
        const char *text = JS_ToCString(context, problem);
        printf("%s\n", text != NULL ? text : "an exception");
        JS_FreeCString(context, text);
        JS_FreeValue(context, problem);
    }
    JS_FreeValue(context, result);
    JS_FreeContext(context);
    JS_FreeRuntime(runtime);
    return status;
}
