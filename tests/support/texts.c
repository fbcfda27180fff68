/* texts.c - model text that is read and printed, or refused. */
#include "support/texts.h"

#include "support/check.h"

const linnet_name text_names[TEXT_NAMES] = {{"classes", 10}, {"hidden", 32}};

void check_text_prints(const char *text, const char *expected)
{
    const char *source = text;
    for (int pass = 0; pass < 2; pass++) {
        linnet_error error;
        linnet_model *model = NULL;
        check_ok(linnet_model_parse(source, text_names, TEXT_NAMES, &model, &error), &error);
        assert_string_equal(linnet_model_repr(model), expected);
        linnet_model_free(model);
        source = expected;
    }
}

void check_text_refused(const char *text, linnet_status status, const char *place,
                        const char *message)
{
    linnet_error error;
    linnet_model *model = (linnet_model *)&error;
    linnet_status found = linnet_model_parse(text, text_names, TEXT_NAMES, &model, &error);
    if (found != status || error.status != status || strcmp(error.place, place) != 0 ||
        strcmp(error.message, message) != 0) {
        fail_msg("'%s'\nexpected %s at %s: %s\nfound    %s at %s: %s", text,
                 linnet_status_name(status), place, message, linnet_status_name(found), error.place,
                 error.message);
    }
    assert_null(model);
    assert_int_equal(linnet_model_parse(text, text_names, TEXT_NAMES, &model, NULL), status);
}
