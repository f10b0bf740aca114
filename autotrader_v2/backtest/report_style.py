"""How a report looks: dark or light as the reader's system says, light on paper."""

STYLE = """
:root{color-scheme:dark;--bg:#10151c;--surface:#161c25;--line:#28313d;--text:#e6ebf2;--muted:#a6b1c0;--accent:#93a5ff;
--gain:#2bb3a6;--loss:#f0605d;--warn:#e5b94e;--other:#b9c4d2}
@media (prefers-color-scheme:light){:root{color-scheme:light;--bg:#f3f5f8;--surface:#fff;--line:#dbe1e8;--text:#17202b;
--muted:#465364;--accent:#3b50d0;--gain:#00736a;--loss:#c02b2b;--warn:#855600;--other:#576475}}
@media print{:root{color-scheme:light;--bg:#fff;--surface:#fff;--line:#ccc;--text:#000;--muted:#333;--accent:#3b50d0;
--gain:#00736a;--loss:#c02b2b;--warn:#855600;--other:#555}
section{break-inside:auto}figure,tr{break-inside:avoid}body{font-size:11px}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);
font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1040px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:24px;margin:0}header p{color:var(--muted);margin:4px 0 0}h2{font-size:17px;margin:32px 0 10px}
section>p,section>div>p{color:var(--muted);margin:4px 0 12px}
.notes{border:1px solid var(--warn);border-radius:8px;padding:8px 12px;margin-top:16px}
.notes ul{margin:0;padding-left:20px}
figure{margin:0 0 14px;background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:10px 12px}
figcaption{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:baseline;margin-bottom:4px}
figcaption small{color:var(--muted);font-size:13px}svg{display:block;width:100%;height:auto}
.key{color:var(--muted);font-size:13px}
.key.main,.key.other,.key.fall{border-left:14px solid var(--accent);padding-left:6px}
.key.other{border-left-color:var(--other);border-left-style:double}
.key.buy{color:var(--gain)}.key.sell{color:var(--loss)}
.grid{stroke:var(--line);stroke-width:1;fill:none}.tick{fill:var(--muted);font-size:12px}.end{text-anchor:end}
.mid,.count{text-anchor:middle}.count{fill:var(--text);font-size:12px}
.line{fill:none;stroke-width:1.4;stroke-linejoin:round;stroke-linecap:round}.line.main{stroke:var(--accent)}
.line.other{stroke:var(--other);stroke-width:1}.line.fall{stroke:var(--loss)}
.area{stroke:none;opacity:.22}.area.main{fill:var(--accent)}.area.fall{fill:var(--loss)}
path.buy{fill:var(--gain);stroke:var(--surface);stroke-width:.7}path.sell{fill:var(--loss);stroke:var(--surface);stroke-width:.7}
.hole{fill:var(--warn);opacity:.25}.bar{fill:var(--accent)}
table{border-collapse:collapse;width:100%}th,td{padding:4px 10px;border-bottom:1px solid var(--line);text-align:right}
th{font-weight:500;color:var(--muted)}caption{text-align:left;color:var(--muted);padding:8px 0}
.pairs th,.rows th:first-child,.rows td:first-child{text-align:left}.pairs{background:var(--surface)}
.wide{overflow-x:auto;margin-top:12px}.rows td{white-space:nowrap}
pre{white-space:pre-wrap;
overflow-wrap:anywhere;background:var(--surface);border:1px solid var(--line);border-radius:8px;
padding:12px;font-size:13px}
@media screen and (max-width:600px){figure{overflow-x:auto}
svg{min-width:600px}.tick,.count{font-size:16px}th,td{padding:4px 6px}}
"""
