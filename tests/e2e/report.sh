#!/usr/bin/env bash
# corsac report writes one page that stands alone; with CHECK_FULL=1 a browser shows it, wide and
# narrow, light and dark.
. "$(dirname "$0")/lib.sh"

run="$tmp/a <run> & 'more'"
train 'a run' $small --run-dir "$run"
train 'that goes on' --resume "$run" --env-steps 600
train 'another' $small --seed 4 --run-dir "$tmp/b"

expect_status 'a report' 0 "$CORSAC" report "$run"
page=$run/report.html
check 'says where it is' [ "$(cat "$out")" = "$page" ]
has() { grep -qF -- "$1" "$page"; }
for text in '<h1>Pendulum-v1' '<span class="badge good">done</span>' 'mean return of the last evaluation' '<h2>Configuration</h2>' \
  '>replay_capacity<' 'ckpt-600.h5' '1 resume' 'corsac train --resume' 'a &lt;run&gt; &amp; &#39;more&#39;' 'OpenBLAS'; do
  check "has $text" has "$text"
done
check 'nothing from elsewhere' [ -z "$(grep -nE 'https?:|src=|href=|url\(|@import|<script' "$page")" ]
check 'no tag from a name' [ -z "$(grep -n '<run>' "$page")" ]
well_formed='
import html.parser, sys
void = {"meta"}
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(); self.open = []; self.seen = 0
    def handle_starttag(self, tag, attributes):
        self.seen += 1
        if tag not in void and not self.get_starttag_text().endswith("/>"): self.open.append(tag)
    def handle_endtag(self, tag):
        if tag not in void: assert self.open.pop() == tag, (tag, self.open, self.getpos())
page = Page(); page.feed(open(sys.argv[1]).read()); page.close()
assert not page.open and page.seen > 200, (page.open, page.seen)'
# A self-closed tag of SVG is an end too.
well_formed=${well_formed/    def handle_endtag/    def handle_startendtag(self, tag, attributes): self.seen += 1
    def handle_endtag}
check 'every tag is closed' python3 -c "$well_formed" "$page"
expect_status 'two runs' 0 "$CORSAC" report "$run" "$tmp/b" -o "$tmp/both.html"
check 'stand side by side' grep -q '<h1>2 runs</h1>' "$tmp/both.html"
check 'and are well-formed' python3 -c "$well_formed" "$tmp/both.html"

# Files of a run that may be missing.
cp -r "$tmp/b" "$tmp/c" && rm "$tmp/c"/*.h5 "$tmp/c/status.json" "$tmp/c/log.txt" "$tmp/c/metrics.csv"
expect_status 'a run that has hardly begun' 0 "$CORSAC" report "$tmp/c"
check 'says so' grep -q 'no rows yet' "$tmp/c/report.html"
echo x >"$tmp/b/ckpt-999.h5"
expect_status 'a damaged checkpoint' 0 "$CORSAC" report "$tmp/b"
check 'is named in it' grep -q 'class="bad">.*ckpt-999.h5' "$tmp/b/report.html"
mkdir "$tmp/d"
bad 'no run' 2 'holds no config.yaml' "$CORSAC" report "$tmp/d"
bad 'no run named' 2 'corsac report RUN' "$CORSAC" report
bad 'a place that is not there' 1 'nowhere/r.html' "$CORSAC" report "$tmp/b" -o "$tmp/nowhere/r.html"

browser=$(command -v chromium || command -v chromium-browser)
if [ "$CHECK_FULL" = 1 ] && [ -n "$browser" ]; then
  cp "$page" "$tmp/page.html"
  show() { # show WIDTH SCHEME (0 dark, 1 light) FILE
    timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$tmp/browser" --allow-file-access-from-files \
      --blink-settings=preferredColorScheme="$2" --window-size="$1",3000 --screenshot="$3" "file://$tmp/frame.html" >/dev/null 2>"$err"
  }
  # A window has a least width, a frame has none. The script asks the page whether anything is wider
  # than the frame.
  for width in 1200 390; do
    echo "<body style='margin:0'><iframe id=f src=page.html style='border:0;width:${width}px;height:3000px'></iframe><p id=told></p>
      <script>onload=()=>{const d=f.contentDocument;told.textContent='wide='+(d.documentElement.scrollWidth>$width)+' charts='+
      [...d.querySelectorAll('svg')].filter(s=>s.getBoundingClientRect().width>200).length}</script>" >"$tmp/frame.html"
    timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu --user-data-dir="$tmp/browser" --allow-file-access-from-files \
      --dump-dom "file://$tmp/frame.html" >"$tmp/dom" 2>"$err"
    check "at $width nothing is cut off, and all charts are seen" grep -q 'wide=false charts=10' "$tmp/dom"
    show $width 1 "$tmp/light$width.png"
    show $width 0 "$tmp/dark$width.png"
    check "pictures at $width" [ "$(stat -c %s "$tmp/light$width.png")" -gt 20000 ]
    check "dark is not light at $width" [ -n "$(cmp "$tmp/light$width.png" "$tmp/dark$width.png" 2>&1)" ]
  done
else
  skip "report: in a browser, because CHECK_FULL is not 1, or there is no chromium"
fi
finish
