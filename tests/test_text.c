/* test_text.c - constructor text and print(model)'s text: what is read, what is printed, every
 * error.
 *
 * Printed texts and the messages of Linear are PyTorch's (1.13 and 2.6 agree), frozen here. */
#include "base/signature.h"

#include "base/memory.h"
#include "base/number.h"
#include "nn/nn.h"
#include "support/check.h"
#include "support/texts.h"

/* How an error about an unknown module ends. */
#define KNOWN                                                                                      \
    "Known: Sequential, Linear, LazyLinear, Bilinear, Dropout, Dropout1d, AlphaDropout, "          \
    "FeatureAlphaDropout, ReLU, Flatten, Unflatten, Identity, Softmax, LogSoftmax, Softmin, "      \
    "BatchNorm1d, LayerNorm, RMSNorm, GLU, PReLU, RReLU, ELU, SELU, CELU, LeakyReLU, ReLU6, "      \
    "GELU, SiLU, Mish, Softplus, Softsign, Tanh, Sigmoid, LogSigmoid, Hardtanh, Hardswish, "       \
    "Hardsigmoid, Hardshrink, Softshrink, Tanhshrink, Threshold"

/* ---- what is read and printed ---- */

static const char missions_line[] =
    "self.classifier = torch.nn.Sequential( torch.nn.Dropout(0.5), torch.nn.Linear(1536,1024), "
    "torch.nn.ReLU(inplace=True), torch.nn.Dropout(0.5), torch.nn.Linear(1024, 1024), "
    "torch.nn.ReLU(inplace=True), torch.nn.Linear(1024,classes), )";

static void reads_the_line_of_the_design(void **state)
{
    (void)state;
    check_text_prints(missions_line,
                      "(classifier): Sequential(\n"
                      "  (0): Dropout(p=0.5, inplace=False)\n"
                      "  (1): Linear(in_features=1536, out_features=1024, bias=True)\n"
                      "  (2): ReLU(inplace=True)\n"
                      "  (3): Dropout(p=0.5, inplace=False)\n"
                      "  (4): Linear(in_features=1024, out_features=1024, bias=True)\n"
                      "  (5): ReLU(inplace=True)\n"
                      "  (6): Linear(in_features=1024, out_features=10, bias=True)\n"
                      ")");
    linnet_error error;
    linnet_model *model = NULL;
    check_ok(linnet_model_parse(missions_line, text_names, TEXT_NAMES, &model, &error), &error);
    static const char *const parameters[] = {"classifier.1.weight", "classifier.1.bias",
                                             "classifier.4.weight", "classifier.4.bias",
                                             "classifier.6.weight", "classifier.6.bias"};
    assert_int_equal(linnet_model_parameter_count(model), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(linnet_model_parameter_name(model, i), parameters[i]);
    }
    linnet_model_free(model);
}

/* print(model) of PyTorch for a nested model, as it stands. */
static const char nested[] = "Sequential(\n"
                             "  (0): Flatten(start_dim=1, end_dim=-1)\n"
                             "  (1): Dropout(p=0.2, inplace=False)\n"
                             "  (2): Linear(in_features=4, out_features=3, bias=False)\n"
                             "  (3): ReLU(inplace=True)\n"
                             "  (4): ReLU()\n"
                             "  (5): Sequential(\n"
                             "    (0): Identity()\n"
                             "    (1): Softmax(dim=1)\n"
                             "    (2): Softmax(dim=None)\n"
                             "    (3): LogSoftmax(dim=-1)\n"
                             "    (4): LogSoftmax(dim=None)\n"
                             "    (5): Sequential()\n"
                             "  )\n"
                             "  (6): Flatten(start_dim=0, end_dim=-2)\n"
                             ")";

static void reads_and_prints_pytorchs_text(void **state)
{
    (void)state;
    check_text_prints(nested, nested);
    check_text_prints(
        "nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(4,3,bias=False),"
        "nn.ReLU(True), nn.ReLU(), nn.Sequential(nn.Identity(54,unused=3), nn.Softmax(1),"
        "nn.Softmax(), nn.LogSoftmax(-1), nn.LogSoftmax(), nn.Sequential()),"
        "nn.Flatten(0,-2))",
        nested);
    check_text_prints("Sequential()", "Sequential()");
    check_text_prints("torch.nn.Linear(3, 4)", "Linear(in_features=3, out_features=4, bias=True)");
    check_text_prints("Linear(out_features=4, in_features=3, bias=0, device=None, dtype=None)",
                      "Linear(in_features=3, out_features=4, bias=False)");
    check_text_prints("Linear(0, 0)", "Linear(in_features=0, out_features=0, bias=True)");
    check_text_prints("fc = Linear(3, 4)",
                      "(fc): Linear(in_features=3, out_features=4, bias=True)");
    check_text_prints("self.a.b=ReLU()", "(a.b): ReLU()");
}

static void prints_numbers_as_python(void **state)
{
    (void)state;
    check_text_prints("Dropout()", "Dropout(p=0.5, inplace=False)");
    check_text_prints("Dropout(1, True)", "Dropout(p=1, inplace=True)");
    check_text_prints("Dropout(p=0)", "Dropout(p=0, inplace=False)");
    check_text_prints("Dropout(1.)", "Dropout(p=1.0, inplace=False)");
    check_text_prints("Dropout(1e-5)", "Dropout(p=1e-05, inplace=False)");
    check_text_prints("Dropout(0.30000000000000004)",
                      "Dropout(p=0.30000000000000004, inplace=False)");
    check_text_prints("Dropout(-0.0)", "Dropout(p=-0.0, inplace=False)");
    /* What has no literal is read as it is printed. */
    check_text_prints("CELU(333E33330)", "CELU(alpha=inf)");
    check_text_prints("CELU(alpha=inf)", "CELU(alpha=inf)");
    check_text_prints("Hardtanh(-inf, 1e400)", "Hardtanh(min_val=-inf, max_val=inf)");
    check_text_prints("LeakyReLU(nan)", "LeakyReLU(negative_slope=nan)");
    check_text_prints("LeakyReLU(-nan)", "LeakyReLU(negative_slope=nan)");
}

static void reads_names_of_children(void **state)
{
    (void)state;
    static const char printed[] = "Sequential(\n"
                                  "  (fc): Linear(in_features=2, out_features=3, bias=True)\n"
                                  "  (act): ReLU()\n"
                                  ")";
    check_text_prints("Sequential(OrderedDict([('fc', Linear(2,3)), (\"act\", ReLU())]))", printed);
    check_text_prints(
        "Sequential(collections.OrderedDict([('fc', Linear(2,3)), ['act', ReLU()],]))", printed);
    check_text_prints("Sequential(OrderedDict(fc=Linear(2,3), act=ReLU()))", printed);
    check_text_prints("Sequential(OrderedDict({'fc': Linear(2,3), 'act': ReLU()}))", printed);
    check_text_prints("Sequential((fc): Linear(2,3) (act): ReLU())", printed);
    check_text_prints("Sequential((fc): Linear(2,3), (act): ReLU(),)", printed);
    check_text_prints("Sequential(OrderedDict())", "Sequential()");
    check_text_prints("Sequential(OrderedDict([]))", "Sequential()");
    /* Names are the author's: what print(model) writes reads back, quotes, spaces and # included.
     * */
    check_text_prints("Sequential(OrderedDict([('a # b, \"c\"', ReLU()), ('größe', ReLU())]))",
                      "Sequential(\n  (a # b, \"c\"): ReLU()\n  (größe): ReLU()\n)");
}

static void reads_spaces_comments_and_arithmetic(void **state)
{
    (void)state;
    check_text_prints(
        " # the head\r\n\tnn.Sequential ( # begins\n\n nn.Linear(28*28,\\\n hidden), #)\n"
        "  ReLU( ) ,\f)  # ends",
        "Sequential(\n"
        "  (0): Linear(in_features=784, out_features=32, bias=True)\n"
        "  (1): ReLU()\n"
        ")");
    check_text_prints("Linear(1_000, (classes + 2) * 3 - 7//2)",
                      "Linear(in_features=1000, out_features=33, bias=True)");
    check_text_prints("Linear(--3, -(-7//2))", "Linear(in_features=3, out_features=4, bias=True)");
    check_text_prints("Dropout(1/4)", "Dropout(p=0.25, inplace=False)");
    check_text_prints("Dropout(1 - .5 / 2)", "Dropout(p=0.75, inplace=False)");
    check_text_prints("Flatten(+1, -1)", "Flatten(start_dim=1, end_dim=-1)");
}

/* ---- what is refused ---- */

typedef struct refusal {
    const char *text, *place, *message;
} refusal;

/* In Python's and PyTorch's words where they have them. */
static const refusal pythons[] = {
    {"Linear(3)", "line 1, column 1",
     "Linear.__init__() missing 1 required positional argument: 'out_features'\nLinear(3)\n^"},
    {"Linear(bias=True)", "line 1, column 1",
     "Linear.__init__() missing 2 required positional arguments: 'in_features' and "
     "'out_features'\nLinear(bias=True)\n^"},
    {"Linear(3,4,5,6,7,8)", "line 1, column 18",
     "Linear.__init__() takes from 3 to 6 positional arguments but 7 were given\n"
     "Linear(3,4,5,6,7,8)\n                 ^"},
    {"Linear(3,4,foo=1)", "line 1, column 12",
     "Linear.__init__() got an unexpected keyword argument 'foo'\nLinear(3,4,foo=1)\n"
     "           ^"},
    {"Linear(3,4,in_features=3)", "line 1, column 12",
     "Linear.__init__() got multiple values for argument 'in_features'\n"
     "Linear(3,4,in_features=3)\n           ^"},
    {"Linear(3,4,bias=True,bias=True)", "line 1, column 22",
     "Linear.__init__() keyword argument repeated: bias\nLinear(3,4,bias=True,bias=True)\n"
     "                     ^"},
    {"Linear(in_features=3, 4)", "line 1, column 23",
     "positional argument follows keyword argument\nLinear(in_features=3, 4)\n"
     "                      ^"},
    {"Linear(3, klasses)", "line 1, column 11",
     "name 'klasses' is not defined\nLinear(3, klasses)\n          ^"},
    {"Linear(3, 2*klasses)", "line 1, column 13",
     "name 'klasses' is not defined\nLinear(3, 2*klasses)\n            ^"},
    {"ReLU(True, 3)", "line 1, column 12",
     "ReLU.__init__() takes from 1 to 2 positional arguments but 3 were given\nReLU(True, 3)\n"
     "           ^"},
    {"Sequential(3)", "line 1, column 12",
     "int is not a Module subclass; expected a module, such as ReLU()\nSequential(3)\n"
     "           ^"},
    {"Sequential([ReLU()])", "line 1, column 12",
     "list is not a Module subclass; expected a module, such as ReLU()\nSequential([ReLU()])\n"
     "           ^"},
    {"Sequential({'a': ReLU()})", "line 1, column 12",
     "dict is not a Module subclass; expected a module, such as ReLU()\n"
     "Sequential({'a': ReLU()})\n           ^"},
    {"Sequential(None)", "line 1, column 12",
     "NoneType is not a Module subclass; expected a module, such as ReLU()\nSequential(None)\n"
     "           ^"},
    {"Sequential(nn.ReLU)", "line 1, column 12",
     "nn.ReLU is not a Module subclass; expected a module, such as ReLU()\n"
     "Sequential(nn.ReLU)\n           ^"},
    {"Sequential(ReLU(), foo=1)", "line 1, column 20",
     "Sequential.__init__() got an unexpected keyword argument 'foo'\n"
     "Sequential(ReLU(), foo=1)\n                   ^"},
    {"Sequential(OrderedDict([('a.b', ReLU())]))", "line 1, column 26",
     "module name can't contain \".\", got: a.b\nSequential(OrderedDict([('a.b', ReLU())]))\n"
     "                         ^"},
    {"Sequential(OrderedDict([('', ReLU())]))", "line 1, column 26",
     "module name can't be empty string \"\"\nSequential(OrderedDict([('', ReLU())]))\n"
     "                         ^"},
    {"Linear(4//0, 3)", "line 1, column 9", "division by zero\nLinear(4//0, 3)\n        ^"},
    {"Linear(3", "line 1, column 7", "'(' was never closed\nLinear(3\n      ^"},
    {"Dropout('abc)", "line 1, column 9", "unterminated string literal\nDropout('abc)\n        ^"},
    {"Linear(12ab, 3)", "line 1, column 8",
     "invalid decimal literal '12ab'\nLinear(12ab, 3)\n       ^"},
    {"Linear(010, 3)", "line 1, column 8",
     "invalid decimal literal '010'\nLinear(010, 3)\n       ^"},
    {"Linear(1__0, 3)", "line 1, column 8",
     "invalid decimal literal '1__0'\nLinear(1__0, 3)\n       ^"},
};

/* In ours. */
static const refusal ours[] = {
    {"", "line 1, column 1", "expected a value, found the end of the text\n\n^"},
    {"Linear(2.5, 3)", "line 1, column 8",
     "Linear.__init__() argument 'in_features': expected an int, found 2.5\nLinear(2.5, 3)\n"
     "       ^"},
    {"Linear(True, 3)", "line 1, column 8",
     "Linear.__init__() argument 'in_features': expected an int, found True\nLinear(True, 3)\n"
     "       ^"},
    {"Linear(3, 'four')", "line 1, column 11",
     "Linear.__init__() argument 'out_features': expected an int, found 'four'\n"
     "Linear(3, 'four')\n          ^"},
    {"Linear(3, 4, bias=2)", "line 1, column 19",
     "Linear.__init__() argument 'bias': expected True or False, found 2\n"
     "Linear(3, 4, bias=2)\n                  ^"},
    {"Linear(3, 4, dtype=torch.float64)", "line 1, column 20",
     "Linear.__init__() argument 'dtype': expected None, found torch.float64\n"
     "Linear(3, 4, dtype=torch.float64)\n                   ^"},
    {"Dropout(None)", "line 1, column 9",
     "Dropout.__init__() argument 'p': expected a float, found None\nDropout(None)\n        ^"},
    {"Softmax(1.5)", "line 1, column 9",
     "Softmax.__init__() argument 'dim': expected an int or None, found 1.5\nSoftmax(1.5)\n"
     "        ^"},
    {"Sequential(Linar(3,4))", "line 1, column 12",
     "unknown module 'Linar', did you mean 'Linear'? " KNOWN "\nSequential(Linar(3,4))\n"
     "           ^"},
    {"torch.nn.Conv2d(3, 4)", "line 1, column 1",
     "unknown module 'torch.nn.Conv2d'. " KNOWN "\ntorch.nn.Conv2d(3, 4)\n^"},
    {"GELU('fast')", "line 1, column 6",
     "approximate argument must be either none or tanh.\nGELU('fast')\n     ^"},
    {"GELU('')", "line 1, column 6",
     "approximate argument must be either none or tanh.\nGELU('')\n     ^"},
    {"GELU(3)", "line 1, column 6",
     "GELU.__init__() argument 'approximate': expected a str, found 3\nGELU(3)\n     ^"},
    {"Hardtanh(min_value=-2)", "line 1, column 20",
     "Hardtanh.__init__() argument 'min_value': expected None, found -2\n"
     "Hardtanh(min_value=-2)\n                   ^"},
    {"Threshold(1)", "line 1, column 1",
     "Threshold.__init__() missing 1 required positional argument: 'value'\nThreshold(1)\n^"},
    {"Tanh(1)", "line 1, column 6",
     "Tanh.__init__() takes 1 positional argument but 2 were given\nTanh(1)\n     ^"},
    {"Sequential(ReLU() ReLU())", "line 1, column 19",
     "expected ',' or ')', found 'ReLU'\nSequential(ReLU() ReLU())\n                  ^"},
    {"Sequential(ReLU()))", "line 1, column 19",
     "expected the end of the text, found ')'\nSequential(ReLU()))\n                  ^"},
    {"Sequential(,)", "line 1, column 12",
     "expected a value, found ','\nSequential(,)\n           ^"},
    {"Sequential(ReLU(), (1): ReLU())", "line 1, column 20",
     "expected all modules with names or none, found both\nSequential(ReLU(), (1): ReLU())\n"
     "                   ^"},
    {"Sequential((a): ReLU(), (a): ReLU())", "line 1, column 25",
     "expected each module name once, found 'a' again\nSequential((a): ReLU(), (a): ReLU())\n"
     "                        ^"},
    {"Sequential(OrderedDict([('a)', ReLU())]))", "line 1, column 26",
     "expected a module name without parentheses, colons and control characters\n"
     "Sequential(OrderedDict([('a)', ReLU())]))\n                         ^"},
    {"Sequential(OrderedDict([ReLU()]))", "line 1, column 25",
     "expected a pair ('name', module) in OrderedDict\nSequential(OrderedDict([ReLU()]))\n"
     "                        ^"},
    {"Sequential(OrderedDict(3))", "line 1, column 24",
     "expected one list of pairs ('name', module) in OrderedDict\nSequential(OrderedDict(3))\n"
     "                       ^"},
    {"Linear((0): ReLU(), 3)", "line 1, column 8",
     "Linear takes no modules, found '(0):'\nLinear((0): ReLU(), 3)\n       ^"},
    {"Linear(9223372036854775808, 3)", "line 1, column 8",
     "9223372036854775808 does not fit into 64 bits\nLinear(9223372036854775808, 3)\n       ^"},
    {"Linear(9223372036854775807*2, 3)", "line 1, column 27",
     "the result does not fit into 64 bits\nLinear(9223372036854775807*2, 3)\n"
     "                          ^"},
    {"Dropout('a\\n')", "line 1, column 11",
     "expected a string without escapes, found a backslash\nDropout('a\\n')\n          ^"},
    {"Linear(3, [4)", "line 1, column 13",
     "expected ',' or ']', found ')'\nLinear(3, [4)\n            ^"},
};

static void refuses_in_pythons_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pythons / sizeof pythons[0]; i++) {
        check_text_refused(pythons[i].text, LINNET_ERROR_SYNTAX, pythons[i].place,
                           pythons[i].message);
    }
}

static void refuses_in_our_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        check_text_refused(ours[i].text, LINNET_ERROR_SYNTAX, ours[i].place, ours[i].message);
    }
}

static void refuses_values_out_of_range(void **state)
{
    (void)state;
    check_text_refused(
        "Dropout(1.5)", LINNET_ERROR_ARGUMENT, "line 1, column 1",
        "dropout probability has to be between 0 and 1, but got 1.5\nDropout(1.5)\n^");
    check_text_refused("Dropout(10)", LINNET_ERROR_ARGUMENT, "line 1, column 1",
                       "dropout probability has to be between 0 and 1, but got 10\nDropout(10)\n^");
    check_text_refused("CELU(0)", LINNET_ERROR_ARGUMENT, "line 1, column 1",
                       "ZeroDivisionError: alpha cannot be 0 for CELU\nCELU(0)\n^");
    check_text_refused(
        "Softshrink(-1)", LINNET_ERROR_ARGUMENT, "line 1, column 1",
        "lambda must be greater or equal to 0, but found to be -1.\nSoftshrink(-1)\n^");
    check_text_refused("Hardtanh(2, 2.0)", LINNET_ERROR_ARGUMENT, "line 1, column 1",
                       "expected max_val above min_val, found min_val=2, max_val=2.0\n"
                       "Hardtanh(2, 2.0)\n^");
    check_text_refused("Sequential(Linear(-1, 3))", LINNET_ERROR_ARGUMENT, "line 1, column 12",
                       "Trying to create tensor with negative dimension -1: [3, -1]\n"
                       "Sequential(Linear(-1, 3))\n           ^");
    check_text_refused("Linear(4000000000000, 4000000000000)", LINNET_ERROR_MEMORY,
                       "line 1, column 1",
                       "the size of a tensor overflows\nLinear(4000000000000, 4000000000000)\n^");
}

/* ---- where the caret stands ---- */

static void points_into_odd_lines(void **state)
{
    (void)state;
    /* Columns count characters; a tab is one and shows as a space. */
    check_text_refused("Sequential(\n\tReLU(), 'gr\xc3\xb6\xc3\x9f"
                       "e', $)",
                       LINNET_ERROR_SYNTAX, "line 2, column 19",
                       "expected a value, found '$'\n ReLU(), 'gr\xc3\xb6\xc3\x9f"
                       "e', $)\n                  ^");
    check_text_refused("ReLU(\r\n  $)\r\n", LINNET_ERROR_SYNTAX, "line 2, column 3",
                       "expected a value, found '$'\n  $)\n  ^");
    /* What is no UTF-8, and control characters, show as '?'. */
    check_text_refused("'\xff\x01\xc3' $", LINNET_ERROR_SYNTAX, "line 1, column 7",
                       "expected the end of the text, found '$'\n'\?\?\?' $\n      ^");
}

static void cuts_long_lines_to_a_window(void **state)
{
    (void)state;
    char text[700] = "Sequential(";
    for (int i = 0; i < 40; i++) {
        strcat(text, i == 20 ? "Relu(), " : "ReLU(), ");
    }
    strcat(text, ")");
    const char *known = "unknown module 'Relu', did you mean 'ReLU'? " KNOWN "\n";
    char message[900];
    snprintf(message, sizeof message, "%s%s%*s^", known,
             "...LU(), ReLU(), ReLU(), ReLU(), ReLU(), Relu(), ReLU(), ReLU(), ReLU(), "
             "ReLU()...\n",
             41, "");
    check_text_refused(text, LINNET_ERROR_SYNTAX, "line 1, column 172", message);
    /* At the end of a long line nothing is cut on the right. */
    strcpy(strstr(text, "Relu"), "ReLU() $");
    check_text_refused(
        text, LINNET_ERROR_SYNTAX, "line 1, column 179",
        "expected ',' or ')', found '$'\n"
        "...(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU() $\n"
        "                                                                              ^");
}

/* ---- hostile text ---- */

static char *repeat(const char *head, const char *piece, size_t count, const char *tail)
{
    size_t length = strlen(piece), at = strlen(head);
    char *text = calloc(at + count * length + strlen(tail) + 1, 1);
    assert_non_null(text);
    memcpy(text, head, at);
    for (size_t i = 0; i < count; i++, at += length) {
        memcpy(text + at, piece, length);
    }
    memcpy(text + at, tail, strlen(tail));
    return text;
}

static linnet_status parse_status(const char *text, char message[128])
{
    linnet_error error = {.status = LINNET_OK};
    linnet_model *model = NULL;
    linnet_status status = linnet_model_parse(text, text_names, TEXT_NAMES, &model, &error);
    snprintf(message, 128, "%.*s", (int)strcspn(error.message, "\n"), error.message);
    linnet_model_free(model);
    return status;
}

static void bounds_depth_and_size(void **state)
{
    (void)state;
    static const struct {
        const char *head, *piece;
        size_t count;
        const char *tail, *message;
    } cases[] = {
        {"", "Sequential(", 101, "", "expected at most 100 brackets within each other, found more"},
        {"", "(", 500000, "", "expected at most 100 brackets within each other, found more"},
        {"ReLU(", "[", 500000, "", "expected at most 100 brackets within each other, found more"},
        {"Dropout(", "-", 500000, "1)", ""},
        {"Linear(1", "+1", 500000, ", 2)", ""},
        {"Sequential(", "ReLU(),", 150000, ")",
         "expected text of at most 1048576 bytes, found 1050012 bytes"},
        {"Sequential(", "ReLU(),", 100000, ")",
         "expected a model that prints as at most 1048576 bytes, found 1788903; a file of it could "
         "not be read back"},
        {"Dropout(", "1", 500, ")",
         "expected a number of at most 127 characters, found one of 500"},
        {"Identity(", "a=1,", 200000, ")", ""},
        {"Linear(", "a=1,", 200000, ")",
         "Linear.__init__() got an unexpected keyword argument 'a'"},
        {"Sequential((", "a", 2000, "): ReLU())",
         "expected names that make a path of at most 1000 bytes, found "
         "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[128] = "";
        char *text = repeat(cases[i].head, cases[i].piece, cases[i].count, cases[i].tail);
        linnet_status status = parse_status(text, message);
        free(text);
        if (cases[i].message[0] != '\0') {
            assert_true(status != LINNET_OK);
            assert_memory_equal(message, cases[i].message,
                                strlen(cases[i].message) < 127 ? strlen(cases[i].message) + 1
                                                               : 127);
        } else {
            assert_int_equal(status, LINNET_OK);
        }
    }
    char *deep = repeat("", "Sequential(", 100, "");
    char *closed = repeat(deep, ")", 100, "");
    linnet_error error;
    linnet_model *model = NULL;
    check_ok(linnet_model_parse(closed, NULL, 0, &model, &error), &error);
    linnet_model_free(model);
    free(closed);
    free(deep);
}

/* Every beginning of a text, and every text with one byte changed, is read or refused with a place.
 * */
static void survives_cut_and_changed_text(void **state)
{
    (void)state;
    static const char text[] =
        "a = Sequential(OrderedDict([('f', Linear(2*3,4)), ('g', Dropout(p=.5, "
        "inplace=True))]), ) # end";
    static const char bytes[] = "()[]{},.:='\"#\\\n\t \x80\xff-+*/0aE_";
    char changed[sizeof text], message[128];
    size_t refused = 0;
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        memcpy(changed, text, sizeof text);
        changed[i] = '\0';
        refused += parse_status(changed, message) != LINNET_OK;
        for (size_t b = 0; b + 1 < sizeof bytes; b++) {
            memcpy(changed, text, sizeof text);
            changed[i] = bytes[b];
            linnet_error error = {.status = LINNET_OK};
            linnet_model *model = NULL;
            if (linnet_model_parse(changed, NULL, 0, &model, &error) != LINNET_OK) {
                assert_memory_equal(error.place, "line ", 5);
                assert_non_null(strchr(error.message, '^'));
                assert_null(model);
            }
            linnet_model_free(model);
        }
    }
    /* All but those that stop after the last parenthesis. */
    assert_int_equal(refused, strlen(text) - strlen(" # end"));
}

/* ---- signatures: what optimizers and losses use ---- */

static const ln_signature adam = {
    "Adam", LN_PARAMETERS({"lr", LN_KIND_FLOAT, "0.001", LN_REPR_ALWAYS},
                          {"betas", LN_KIND_PAIR, "(0.9, 0.999)", LN_REPR_ALWAYS},
                          {"eps", LN_KIND_FLOAT, "1e-08", LN_REPR_IF_SET},
                          {"amsgrad", LN_KIND_BOOL, "False", LN_REPR_IF_SET})};
static const ln_signature sgd = {"SGD",
                                 LN_PARAMETERS({"params", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                               {"lr", LN_KIND_FLOAT, NULL, LN_REPR_ALWAYS},
                                               {"fused", LN_KIND_FLAG, "None", LN_REPR_IF_SET})};
static const ln_signature *const signatures[] = {&sgd, &adam};

static void check_signature(const char *text, const char *expected)
{
    linnet_error error;
    size_t which = 9;
    ln_value values[LN_MAX_PARAMETERS];
    check_ok(ln_signature_parse(text, "optimizer", signatures, 2, &which, values, &error), &error);
    char *repr = ln_signature_repr(signatures[which], values);
    assert_non_null(repr);
    assert_string_equal(repr, expected);
    ln_free(repr);
}

static void check_signature_refused(const char *text, const char *place, const char *message)
{
    linnet_error error;
    size_t which = 9;
    ln_value values[LN_MAX_PARAMETERS];
    assert_int_equal(ln_signature_parse(text, "optimizer", signatures, 2, &which, values, &error),
                     LINNET_ERROR_SYNTAX);
    assert_string_equal(error.place, place);
    assert_string_equal(error.message, message);
}

static void binds_signatures(void **state)
{
    (void)state;
    check_signature("Adam", "Adam(lr=0.001, betas=(0.9, 0.999))");
    check_signature("torch.optim.Adam(1e-3)", "Adam(lr=0.001, betas=(0.9, 0.999))");
    check_signature("optim.Adam(lr=1, betas=[0, .5], eps=1e-8)", "Adam(lr=1, betas=(0, 0.5))");
    check_signature("optimizer = Adam(eps=1e-6, amsgrad=True)",
                    "Adam(lr=0.001, betas=(0.9, 0.999), eps=1e-06, amsgrad=True)");
    check_signature("SGD(lr=1/10)", "SGD(lr=0.1)");
    check_signature_refused(
        "SGD()", "line 1, column 1",
        "SGD.__init__() missing 1 required positional argument: 'lr'\nSGD()\n^");
    check_signature("SGD(model.parameters(), 0.5)", "SGD(lr=0.5)");
    check_signature("SGD(params=p, lr=0.5, fused=None)", "SGD(lr=0.5)");
    check_signature("SGD(p, 0.5, fused=False)", "SGD(lr=0.5, fused=False)");
    check_signature_refused(
        "SGD(1, True, 2)", "line 1, column 14",
        "SGD.__init__() takes from 2 to 4 positional arguments but 5 were given\n"
        "SGD(1, True, 2)\n             ^");
    check_signature_refused(
        "SGD(0.5, fused=1)", "line 1, column 16",
        "SGD.__init__() argument 'fused': expected True, False or None, found 1\n"
        "SGD(0.5, fused=1)\n               ^");
    check_signature_refused("SGD(params=[1], lr=1)", "line 1, column 12",
                            "SGD.__init__() argument 'params': expected a name, found [1]\n"
                            "SGD(params=[1], lr=1)\n           ^");
    check_signature_refused(
        "Adam(betas=0.9)", "line 1, column 12",
        "Adam.__init__() argument 'betas': expected a pair of floats, found 0.9\n"
        "Adam(betas=0.9)\n           ^");
    check_signature_refused("Adam(betas=(b1, 0.9))", "line 1, column 13",
                            "name 'b1' is not defined\nAdam(betas=(b1, 0.9))\n            ^");
    check_signature_refused(
        "Adm()", "line 1, column 1",
        "unknown optimizer 'Adm', did you mean 'Adam'? Known: SGD, Adam\nAdm()\n^");
    check_signature_refused("0.1", "line 1, column 1",
                            "expected the optimizer's constructor, such as SGD(...), found '0.1'\n"
                            "0.1\n^");
}

/* Every module type prints as text that reads back as the same type: one row, one text. */
static void every_type_prints_and_reads_back(void **state)
{
    (void)state;
    size_t count = 0;
    for (const ln_module_type *type; (type = ln_module_type_at(count)) != NULL; count++) {
        char text[128];
        size_t used = (size_t)snprintf(text, sizeof text, "%s(", type->signature.name);
        for (size_t i = 0; i < type->signature.count; i++) {
            const ln_parameter *parameter = &type->signature.parameters[i];
            if (parameter->standard == NULL) {
                used += (size_t)snprintf(text + used, sizeof text - used, "%s, ",
                                         parameter->kind == LN_KIND_SIZES ? "(2, 3)" : "2");
            }
        }
        snprintf(text + used, sizeof text - used, ")");
        linnet_error error;
        ln_module *module = NULL, *again = NULL;
        check_ok(ln_module_parse(text, NULL, 0, &module, &error), &error);
        assert_ptr_equal(module->type, type);
        char *repr = ln_module_repr(module);
        check_ok(ln_module_parse(repr, NULL, 0, &again, &error), &error);
        assert_ptr_equal(again->type, type);
        ln_free(repr);
        ln_module_free(module);
        ln_module_free(again);
    }
    assert_true(count >= 41);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_line_of_the_design),
        cmocka_unit_test(reads_and_prints_pytorchs_text),
        cmocka_unit_test(prints_numbers_as_python),
        cmocka_unit_test(reads_names_of_children),
        cmocka_unit_test(reads_spaces_comments_and_arithmetic),
        cmocka_unit_test(refuses_in_pythons_words),
        cmocka_unit_test(refuses_in_our_words),
        cmocka_unit_test(refuses_values_out_of_range),
        cmocka_unit_test(points_into_odd_lines),
        cmocka_unit_test(cuts_long_lines_to_a_window),
        cmocka_unit_test(bounds_depth_and_size),
        cmocka_unit_test(survives_cut_and_changed_text),
        cmocka_unit_test(binds_signatures),
        cmocka_unit_test(every_type_prints_and_reads_back),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
