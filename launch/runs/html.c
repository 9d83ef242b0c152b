#include "launch/runs/html.h"

#include "common/base/printable.h"

#include <stdarg.h>
#include <stdlib.h>

void html_text(FILE *page, const char *text) {
  char shown[PRINTABLE_CHARACTER];
  while (*text) switch (*text) {
    case '&': fputs("&amp;", page), text++; break;
    case '<': fputs("&lt;", page), text++; break;
    case '>': fputs("&gt;", page), text++; break;
    case '"': fputs("&quot;", page), text++; break;
    case '\'': fputs("&#39;", page), text++; break;
    case '\n': fputc(*text++, page); break; // between the lines of a log
    default: fwrite(shown, 1, printable_next(&text, shown), page);
    }
}

void html_printf(FILE *page, const char *format, ...) {
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  const int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  html_text(page, text);
  free(text);
}

// The colours of lines are Okabe and Ito's, lighter on a dark ground.
static const char STYLE[] =
    ":root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--ink:#1b1f24;--soft:#5d6670;--line:#dfe3e8;"
    "--good:#117a4b;--bad:#b42318;--warn:#9a5b00;--c0:#0072b2;--c1:#d55e00;--c2:#00805f;--c3:#b0588f;--c4:#2d8fc4;"
    "--c5:#946c00;--c6:#7b4fa3;--c7:#666}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#14171b;--card:#1d2126;--ink:#e8eaed;--soft:#a0a8b2;"
    "--line:#343a42;--good:#4cc38a;--bad:#ff8a80;--warn:#f0b95b;--c0:#56b4e9;--c1:#f28c4b;--c2:#35c79a;--c3:#e39fc9;"
    "--c4:#8fd0f5;--c5:#e0b64a;--c6:#b795dd;--c7:#aaa}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1080px;padding:28px 20px 60px;background:var(--ground);"
    "color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
    "h1{font-size:28px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:20px;margin:38px 0 12px}"
    "h3{font-size:15px;margin:0 0 4px;font-weight:600}"
    "p{margin:6px 0}.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}\n"
    ".badge{display:inline-block;border:1.5px solid currentColor;border-radius:99px;padding:0 11px;font-size:14px;"
    "font-weight:600;vertical-align:4px;margin-left:8px}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:12px;margin:18px 0}"
    ".tile,.panel{background:var(--card);border-radius:10px;padding:12px 14px;min-width:0}"
    ".tile b{display:block;font-size:23px;line-height:1.25;overflow-wrap:anywhere}"
    ".tile span{display:block;font-size:13px;line-height:1.35;color:var(--soft)}\n"
    ".panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:12px}"
    "svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font:13px system-ui,'DejaVu Sans',sans-serif}"
    ".narrow{display:none}@media(max-width:640px){.wide{display:none}.narrow{display:block}body{padding:18px 14px 40px}"
    "h1{font-size:23px}.tiles{grid-template-columns:1fr 1fr}}\n"
    ".key{display:flex;flex-wrap:wrap;gap:4px 18px;margin:6px 0 0;font-size:14px}"
    ".key i{display:inline-block;width:20px;height:4px;border-radius:2px;vertical-align:3px;margin-right:7px}\n"
    "table{border-collapse:collapse;width:100%;font-size:14.5px}td,th{text-align:left;vertical-align:top;"
    "padding:5px 14px 5px 0;border-bottom:1px solid "
    "var(--line);overflow-wrap:break-word}td.free{overflow-wrap:anywhere}"
    "th{color:var(--soft);font-weight:500;white-space:nowrap}td.name,code,pre{font-family:ui-monospace,'DejaVu Sans "
    "Mono',Menlo,monospace;"
    "font-size:13.5px}.scroll{overflow-x:auto}.scroll td{white-space:nowrap}.scroll td[colspan]{white-space:normal}\n"
    "pre{background:var(--card);border-radius:10px;padding:12px 14px;margin:8px 0;white-space:pre-wrap;"
    "overflow-wrap:anywhere}details{margin:10px 0}summary{cursor:pointer;color:var(--soft)}"
    "ul{margin:6px 0;padding-left:20px}li{overflow-wrap:anywhere}\n"
    "@media print{body{max-width:none}.panel,.tile,pre{break-inside:avoid}}\n";

void html_begin(FILE *page, const char *title) {
  fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
        page);
  html_text(page, title);
  fprintf(page, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", STYLE);
}

void html_end(FILE *page) { fputs("</body>\n</html>\n", page); }
