/* page_style.c - how a report looks: the page's style sheet.
 *
 * Blue is right and orange is wrong, a pair that colour-blind readers tell apart; lines differ in
 * their dashes as well. The same page serves light screens, dark ones, telephones and paper. */
#include "page.h"

/* A line each: compilers need not take longer strings. */
static const char *const style[] = {
    ":root{color-scheme:light dark;--paper:#fff;--ink:#17212b;--soft:#54616d;--rule:#d8dee3;"
    "--grid:#e9edf0;--panel:#f4f6f8;--blue:#1f6fb2;--orange:#cf5408;--purple:#7b4ea3;--meter:#"
    "b9d3e9}",
    "@media screen and (prefers-color-scheme:dark){:root{--paper:#12171c;--ink:#e4e9ed;"
    "--soft:#a1adb8;--rule:#323d47;--grid:#252e36;--panel:#1a2128;--blue:#5aabea;"
    "--orange:#f2934c;--purple:#c6a0ec;--meter:#2b4f70}}",
    "*{box-sizing:border-box}",
    "html{-webkit-text-size-adjust:100%}",
    "body{margin:0 auto;max-width:1128px;padding:40px 24px 56px;background:var(--paper);"
    "color:var(--ink);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,Inter,"
    "\"Helvetica Neue\",\"Liberation Sans\",Arial,sans-serif;font-variant-numeric:tabular-nums}",
    "h1{margin:0;font-size:27px;line-height:1.25;letter-spacing:-.015em;overflow-wrap:anywhere}",
    "h2{margin:0;font-size:19px;line-height:1.3;letter-spacing:-.01em}",
    "h3{margin:0;font-size:14px;line-height:1.4}",
    "p{margin:6px 0 0;max-width:92ch}",
    "section{margin-top:44px;padding-top:20px;border-top:1px solid var(--rule)}",
    ".soft,p.about,figcaption,.units dt{color:var(--soft)}",
    "p.about{margin-bottom:18px}",
    "p.verdict{margin-top:20px;font-size:17px}",
    ".warn{border-left:3px solid var(--orange);padding-left:12px}",
    /* the figures on top */
    ".figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:18px 24px;"
    "margin:24px 0 0}",
    ".figures dt{font-size:13px;color:var(--soft)}",
    ".figures dd{margin:0;font-size:22px;line-height:1.3;letter-spacing:-.01em}",
    ".figures .first dd{color:var(--blue);font-weight:600}",
    "details .figures{margin-top:12px}details .figures dd{font-size:17px}",
    /* charts */
    ".charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));"
    "gap:28px 30px;align-items:end;margin-top:18px}",
    "figure{margin:0}",
    "figcaption{display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 14px;"
    "margin-bottom:4px;font-size:12.5px}",
    "figcaption h3{flex-basis:100%;color:var(--ink)}",
    ".key{display:inline-flex;align-items:baseline;gap:5px;max-width:100%;"
    "overflow-wrap:anywhere}.key svg{flex:none;width:22px;height:9px}.key data{flex:none}",
    ".plot{display:block;width:100%;max-width:440px;height:auto;overflow:visible}",
    "svg text{font-size:11px;fill:var(--soft)}",
    ".grid{stroke:var(--grid)}.axis{stroke:var(--soft);stroke-opacity:.6}",
    ".ty{text-anchor:end}.tx,.name{text-anchor:middle}",
    ".line{fill:none;stroke-width:1.9;stroke-linejoin:round}",
    ".l1{stroke:var(--blue)}.l2{stroke:var(--orange);stroke-dasharray:6 3}"
    ".l3{stroke:var(--purple);stroke-dasharray:1.5 2.5}",
    ".l0{stroke:var(--soft);stroke-width:1;stroke-opacity:.35}",
    ".base{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 4;stroke-opacity:.8}",
    ".d1{fill:var(--blue)}.d2{fill:var(--orange)}",
    ".dot{stroke:var(--paper);stroke-width:1}.few{fill:var(--paper);"
    "stroke:var(--blue)}.cloud{fill:var(--blue);fill-opacity:.45;stroke:none}"
    ".many{opacity:0}.dot:hover{opacity:1;r:5px}",
    ".bar{fill:var(--soft);fill-opacity:.28}",
    ".mark{stroke:var(--soft);stroke-dasharray:2 3}.markname{font-size:10.5px}",
    /* confusion matrix */
    ".pair{display:grid;grid-template-columns:minmax(0,max-content) minmax(290px,1fr);"
    "gap:24px 44px;align-items:start;margin-top:6px}",
    ".stack{display:block}.stack>*+*{margin-top:26px}",
    "@media(max-width:900px){.pair{grid-template-columns:minmax(0,1fr)}}",
    ".scroll{overflow-x:auto;max-width:100%}",
    ".matrix{display:block;height:auto;max-width:none}",
    ".matrix .empty{fill:var(--panel)}.matrix .r{fill:var(--blue)}.matrix .w{fill:var(--orange)}",
    ".matrix .n{text-anchor:middle;fill:var(--ink)}.matrix .on{fill:var(--paper);font-weight:600}"
    ".matrix .mid{fill:#17212b}.matrix .c{text-anchor:middle}",
    ".matrix .t{text-anchor:end}",
    /* tables */
    "table{border-collapse:collapse;font-size:14px;line-height:1.4}",
    "caption{text-align:left;font-weight:600;padding-bottom:6px}",
    "th{font-weight:500;color:var(--soft);text-align:right;vertical-align:bottom;"
    "padding:4px 0 5px 20px;border-bottom:1px solid var(--rule);white-space:nowrap}",
    "td{text-align:right;padding:4px 0 4px 20px;border-bottom:1px solid var(--grid);"
    "white-space:nowrap}",
    "th:first-child,td:first-child{padding-left:0}",
    ".l{text-align:left!important}",
    "td.name{white-space:normal;min-width:7em;overflow-wrap:anywhere}",
    "td.meter{min-width:164px;background:linear-gradient(var(--meter),var(--meter)) no-repeat left "
    "20px center/calc(var(--v)*82px) 9px}",
    "tr.sum td{border-bottom:0;color:var(--soft)}",
    "details{margin-top:14px}summary{cursor:pointer;color:var(--blue)}",
    "details>.scroll{margin-top:12px}",
    /* rows that it was wrong about */
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(115px,1fr));gap:22px 18px;"
    "margin-top:18px}",
    ".cards img{display:block;width:100%;max-width:140px;height:auto;image-rendering:pixelated;"
    "border:1px solid var(--rule)}",
    ".cards figcaption{display:block;margin:6px 0 0;line-height:1.4;"
    "overflow-wrap:anywhere}",
    ".cards b{display:block;color:var(--ink);font-weight:600}.cards i{font-style:normal;"
    "display:inline-block;color:var(--orange)}",
    /* the end */
    "pre{margin:14px 0 0;padding:14px 16px;overflow-x:auto;background:var(--panel);"
    "font:12.5px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}",
    "pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}",
    "dl.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:5px 22px;"
    "margin:14px 0 0}dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}",
    "code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}",
    "footer{margin-top:44px;padding-top:14px;border-top:1px solid var(--rule);font-size:13px;"
    "color:var(--soft)}",
    "@media(max-width:560px){body{padding:24px 16px 40px;font-size:15px}h1{font-size:23px}"
    ".figures{grid-template-columns:repeat(2,minmax(0,1fr))}section{margin-top:34px}"
    ".cards{grid-template-columns:repeat(3,minmax(0,1fr));gap:18px 12px}"
    "dl.facts{display:block}dl.facts dd{margin-bottom:8px}th,td{padding-left:14px}}",
    "@media print{body{max-width:none;padding:0;font-size:11.5px;"
    "print-color-adjust:exact;-webkit-print-color-adjust:exact}section{margin-top:22px}"
    "p.verdict{font-size:13px}figure,tr,.figures div{break-inside:avoid}"
    "#confusion{break-inside:avoid}h2,p.about,caption{break-after:avoid}.figures dd{font-size:16px}"
    ".charts{grid-template-columns:repeat(3,1fr);gap:16px}.pair{grid-template-columns:"
    "minmax(0,1.5fr) 1fr;gap:20px}.matrix{width:100%;break-inside:avoid}",
    "table,figcaption{font-size:10.5px}th,td{padding-left:11px}td.name{min-width:5em}"
    "td.meter{min-width:100px;background-position:left 11px center;"
    "background-size:calc(var(--v)*48px) 6px}.scroll{overflow:visible}"
    ".cards{grid-template-columns:repeat(8,1fr);gap:12px 10px}.cards figcaption{font-size:9px}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}}",
};

void cli_page_style(cli_text *text)
{
    cli_text_add(text, "<style>\n");
    for (size_t i = 0; i < sizeof style / sizeof style[0]; i++) {
        cli_text_add(text, "%s\n", style[i]);
    }
    cli_text_add(text, "</style>\n");
}
