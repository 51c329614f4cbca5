'use strict';
// Draws the results that stand in this page. What a file says is put in as text, never as markup.
const data = JSON.parse(document.getElementById('data').textContent);
const sides = ['a', 'b'].filter((side) => data[side]);
const main = document.getElementById('main');
const renders = [];  // draws each plot again when its width has changed

function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return node;
}
const html = (tag, attributes = {}, ...children) => make(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  make(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
const colour = (index) => `var(--s${index % 14})`;
function swatch(index) {
  const square = html('i');
  square.style.background = colour(index);
  return square;
}

// Numbers as people read them.
const known = (value) => typeof value === 'number' && isFinite(value);
function short(value) {
  if (!known(value)) return '–';
  const size = Math.abs(value);
  if (value === Math.round(value) && size < 1e6) return String(value);
  return digits(value);
}
function digits(value) {
  const size = Math.abs(value);
  return size >= 1e6 ? value.toExponential(2) : value.toFixed(size < 10 ? 2 : size < 1000 ? 1 : 0);
}
function time(value, tick = false) {  // of microseconds
  if (!known(value)) return '–';
  const size = Math.abs(value), say = tick ? short : digits;
  return size === 0 ? '0' : size < 1000 ? `${say(value)} µs` : size < 1e6 ? `${say(value / 1e3)} ms` : `${say(value / 1e6)} s`;
}
const tickTime = (value) => time(Number(value.toPrecision(6)), true);
function quantity(value, unit) {
  if (unit === 'us') return time(value);
  if (unit === 'ratio') return known(value) ? `${value.toFixed(3)}×` : '–';
  return `${short(value)} ${unit}`;
}
const ascending = (values) => values.filter(known).sort((x, y) => x - y);
const at = (sorted, share) => sorted.length ? sorted[Math.round(share * (sorted.length - 1))] : undefined;
const largest = (values) => values.reduce((most, value) => known(value) && value > most ? value : most, 0);

// Scales: place(value) is in 0..1.
function linear(max, format) {
  const step = [1, 2, 2.5, 5, 10].map((x) => x * 10 ** Math.floor(Math.log10(max / 4))).find((x) => max / x <= 5) || max;
  const ticks = [];
  for (let tick = 0; tick <= max * 1.001; tick += step) ticks.push([tick, format(tick)]);
  return {place: (value) => value / max, ticks};
}
function logarithmic(min, max, format) {
  const from = Math.log10(min), span = Math.log10(max) - from;
  const ticks = [];
  for (let power = Math.floor(from); power <= from + span; ++power) {
    for (const digit of span > 2.5 ? [1] : span > 0.8 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const tick = digit * 10 ** power;
      if (tick >= min * 0.999 && tick <= max * 1.001) ticks.push([tick, format(tick)]);
    }
  }
  return {place: (value) => (Math.log10(Math.max(value, min)) - from) / span, ticks};
}
// Each nine is as high as the one before: the tail can be seen.
function nines(count) {
  const place = (share) => -Math.log10(Math.max(1 - share, 1e-9)) / Math.max(1, Math.log10(2 * count));
  const ticks = [[0, '0 %'], [0.5, '50 %'], [0.9, '90 %'], [0.99, '99 %'], [0.999, '99.9 %'], [0.9999, '99.99 %']];
  return {place, ticks: ticks.filter(([share]) => place(share) <= 1)};
}

// draw(X, Y, width) gives elements; X and Y turn values into pixels.
function plot(name, height, x, y, draw, moved) {
  const host = html('div', {class: 'plot', role: 'img', 'aria-label': name, 'data-plot': name});
  const [left, right, top, bottom] = [54, 10, 8, 24];
  const render = () => {
    const width = Math.max(host.clientWidth, 240), inner = width - left - right, tall = height - top - bottom;
    const X = (value) => left + x.place(value) * inner, Y = (value) => top + (1 - y.place(value)) * tall;
    const picture = svg('svg', {viewBox: `0 0 ${width} ${height}`, height});
    for (const [tick, label] of y.ticks) {
      picture.append(svg('line', {class: 'grid', x1: left, x2: width - right, y1: Y(tick), y2: Y(tick)}),
        svg('text', {x: left - 8, y: Y(tick) + 4, 'text-anchor': 'end'}, label));
    }
    let free = 0;  // labels must not lie upon each other
    for (const [tick, label] of x.ticks) {
      const half = label.length * 3.2, middle = Math.min(X(tick), width - half);
      if (middle - half < free) continue;
      free = middle + half + 8;
      picture.append(svg('text', {x: middle, y: height - 6, 'text-anchor': 'middle'}, label));
    }
    picture.append(svg('line', {class: 'axis', x1: left, x2: width - right, y1: Y(0), y2: Y(0)}), ...draw(X, Y, inner));
    host.replaceChildren(picture);
    if (!moved) return;
    const cursor = svg('line', {class: 'cursor', y1: top, y2: height - bottom, visibility: 'hidden'});
    picture.append(cursor);
    picture.onpointermove = picture.onpointerdown = (event) => {
      const share = (event.clientX - picture.getBoundingClientRect().left - left) / inner;
      const place = moved(Math.min(1, Math.max(0, share)));
      make(cursor, {x1: X(place), x2: X(place), visibility: 'visible'}, []);
    };
  };
  renders.push(render);
  return host;
}
const path = (points) => 'M' + points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L');

// One run of `sotto-bench latency`.
const stagesOf = (run) => run.stages.map((stage) => stage.name);
const samplesOf = (run) => (run.samples || []).filter((row) => known(row[0]) && known(row[1]));
const totals = (run) => ascending(samplesOf(run).map((row) => row[1]));

function tiles(run) {
  const tile = (value, label) => html('div', {class: 'tile'}, html('b', {}, value), html('span', {}, label));
  const list = [tile(time(run.total_us.p50), 'median'), tile(time(run.total_us.p99), '99 of 100 within'),
    tile(time(run.total_us.max), 'slowest')];
  if (run.own_us) list.push(tile(time(run.own_us.p50), 'our own share, median'));
  if (known(run.cpu_us_per_frame)) list.push(tile(time(run.cpu_us_per_frame), 'processor a frame'));
  if (known(run.frames)) list.push(tile(short(run.frames), `frames, ${short(run.dropped)} dropped`));
  if (known(run.allocations_per_frame)) list.push(tile(short(run.allocations_per_frame), 'allocations a frame'));
  if (known(run.peak_rss_kib)) list.push(tile(`${short(run.peak_rss_kib / 1024)} MiB`, 'peak memory'));
  return html('div', {class: 'tiles'}, list);
}

const heights = (run, hidden) => samplesOf(run).map((row) => run.stages.reduce((sum, stage, i) =>
  sum + (known(row[2 + i]) && !hidden.has(stage.name) ? Math.max(0, row[2 + i]) : 0), 0));
// Up to where the plot goes: a few slow frames must not make all the others flat.
const ceiling = (sums) => Math.max(0.001, Math.min(largest(sums), 1.6 * at(ascending(sums), 0.99)) * 1.04);

// Stages of each frame on top of each other; what is switched off in the legend is left out.
function stacked(run, side, hidden, reading, most) {
  const rows = samplesOf(run), names = stagesOf(run);
  const shown = names.map((_, i) => i).filter((i) => !hidden.has(names[i]));
  const sums = heights(run, hidden);
  const above = sums.filter((sum) => sum > most).length;
  const x = {place: (index) => index / rows.length, ticks: []};
  for (let i = 0; i <= 4; ++i) {
    const row = rows[Math.min(rows.length - 1, Math.round(i * rows.length / 4))];
    x.ticks.push([i * rows.length / 4, `${short(Number(row[0].toFixed(1)))} s`]);
  }
  const tell = (share) => {
    const index = Math.min(rows.length - 1, Math.floor(share * rows.length)), row = rows[index];
    const parts = shown.filter((i) => known(row[2 + i])).map((i) => `${names[i]} ${time(row[2 + i])}`);
    reading.replaceChildren(html('b', {}, `${short(row[0])} s: ${time(row[1])}`), ` · ${parts.join(' · ')}`);
    return index + 0.5;
  };
  const chart = plot(`stages ${side}`, 260, x, linear(most, tickTime), (X, Y) => {
    const base = rows.map(() => 0);
    return shown.map((i) => {
      const lower = [], upper = [];
      rows.forEach((row, n) => {
        const before = Math.min(base[n], most);
        base[n] += known(row[2 + i]) ? Math.max(0, row[2 + i]) : 0;
        const after = Math.min(base[n], most);
        lower.push([X(n), Y(before)], [X(n + 1), Y(before)]);
        upper.push([X(n), Y(after)], [X(n + 1), Y(after)]);
      });
      return svg('path', {d: path(upper.concat(lower.reverse())) + 'Z', fill: colour(i), 'data-stage': i});
    });
  }, tell);
  const cut = above ? html('p', {class: 'soft small'}, `${above} of ${rows.length} frames reach beyond the top.`) : null;
  return [chart, cut];
}

function distribution(name, runs) {
  const all = sides.map((side) => totals(runs[side] || {}));
  const others = data.a.results.runs.filter((run) => run.name !== name).map(totals).filter((values) => values.length);
  const every = all.concat(others).filter((values) => values.length);
  const least = Math.max(0.1, Math.min(...every.map((values) => values[0]))), most = largest(every.map((v) => at(v, 1)));
  const y = nines(largest(all.map((values) => values.length)));
  const curve = (values, X, Y) => path(values.map((value, i) => [X(value), Y((i + 0.5) / values.length)]));
  return plot('distribution', 260, logarithmic(least * 0.9, Math.max(most, least) * 1.1, tickTime), y, (X, Y) => [
    ...others.map((values) => svg('path', {class: 'thin', d: curve(values, X, (q) => Math.max(8, Y(q)))})),
    ...all.map((values, i) => values.length === 0 ? null
      : svg('path', {class: 'line', stroke: `var(--${sides[i]})`, d: curve(values, X, Y), 'data-side': sides[i]}))
      .filter(Boolean)]);
}

function series(runs) {
  const rows = Object.fromEntries(sides.map((side) => [side, runs[side] ? samplesOf(runs[side]) : []]));
  const last = largest(sides.flatMap((side) => rows[side].map((row) => row[0])));
  const most = largest(sides.flatMap((side) => rows[side].map((row) => row[1])));
  return plot('time series', 220, linear(last || 1, (t) => `${short(t)} s`), linear(most * 1.05 || 1, tickTime), (X, Y, wide) =>
    sides.flatMap((side) => {
      if (!rows[side].length) return [];
      const d = rows[side].map((row) => `M${X(row[0]).toFixed(1)} ${Y(row[1]).toFixed(1)}h0`).join('');
      const middle = Y(runs[side].total_us.p50), late = Y(runs[side].total_us.p99), x1 = X(0), x2 = X(0) + wide;
      return [svg('path', {class: 'dots', stroke: `var(--${side})`, d, 'data-side': side}),
        ...[['p50', middle], ['p99', late]].flatMap(([label, y]) => [
          svg('line', {class: 'mark', x1, x2, y1: y, y2: y}),
          sides.length === 1 ? svg('text', {class: 'halo', x: x2, y: y - 5, 'text-anchor': 'end'}, label) : svg('g')])];
    }));
}

function percentiles(run) {
  const keys = ['p50', 'p90', 'p95', 'p99', 'p99_9', 'max'];
  const row = (name, us, kind, mark) => html('tr', kind ? {class: kind} : {}, html('td', {}, mark, name),
    keys.map((key) => html('td', {}, time(us[key]))));
  return html('div', {class: 'scroll'}, html('table', {},
    html('tr', {}, html('th', {}, ''), keys.map((key) => html('th', {}, key.replace('_', '.')))),
    run.stages.map((stage, i) => row(stage.name, stage.us, '', swatch(i))),
    row('total', run.total_us, 'total'), run.own_us ? row('our own share', run.own_us, 'total') : null));
}

const card = (title, note, ...content) => html('section', {class: 'card'}, html('h3', {}, title),
  note ? html('p', {class: 'soft small'}, note) : null, content);
const tag = (side) => sides.length < 2 ? null : html('span', {class: `ab ${side}`}, `${side.toUpperCase()} `);

function runView(name, hidden, again) {
  const runs = Object.fromEntries(sides.map((side) => [side, (data[side].results.runs || []).find((run) => run.name === name)]));
  const there = sides.filter((side) => runs[side]), sampled = there.filter((side) => samplesOf(runs[side]).length > 1);
  const view = there.map((side) => [sides.length < 2 ? null : html('p', {class: 'lead'}, tag(side), data[side].name), tiles(runs[side])]);
  if (sampled.length) {
    const reading = html('p', {class: 'reading'}, 'Point at a frame, or touch it, to read its stages.');
    const legend = html('div', {class: 'legend'}, stagesOf(runs[sampled[0]]).map((stage, i) => {
      const chip = html('button', {class: 'chip', type: 'button', 'aria-pressed': !hidden.has(stage)}, swatch(i), stage);
      chip.addEventListener('click', () => { if (!hidden.delete(stage)) hidden.add(stage); again(); });
      return chip;
    }));
    const most = largest(sampled.map((side) => ceiling(heights(runs[side], hidden))));
    view.push(card('Where each frame’s time went', 'Stages on top of each other, frame by frame. A stage that is switched off is left out, and what is left fills the plot.',
      sampled.map((side) => [tag(side), stacked(runs[side], side, hidden, reading, most)]), legend, reading));
    const thin = data.a.results.runs.length > 1 ? ' Thin: the other runs.' : '';
    view.push(card('How many frames were how fast', `So many of the frames took no longer than that. The scale is stretched towards the slowest.${thin}`, distribution(name, runs)));
    view.push(card('Over time', 'Each frame, from capture until it was shown. Dashed: median and 99th percentile.', series(runs)));
  }
  return view.concat(there.map((side) => card(sides.length < 2 ? 'Percentiles' : [tag(side), 'Percentiles'], null, percentiles(runs[side]))));
}

function runsSection() {
  const names = [...new Set(sides.flatMap((side) => (data[side].results.runs || []).map((run) => run.name)))];
  if (!names.length) return [];
  if (!data.a.results.runs) data.a.results.runs = [];
  const view = html('div'), hidden = new Set(), chooser = html('select', {'aria-label': 'run'}, names.map((name) => html('option', {}, name)));
  const show = () => {
    renders.length = 0;
    view.replaceChildren(...runView(names[chooser.selectedIndex], hidden, show).flat(9).filter(Boolean));
    drawAll();
  };
  chooser.addEventListener('change', show);
  queueMicrotask(show);
  return [html('h2', {}, names.length > 1 ? 'Latency of a frame' : names[0]), names.length > 1 ? chooser : null, view];
}

// A picture of one row, in 1000 units across: it stretches with the page. Its marks are a share of that.
function strip(label, ...marks) {
  return svg('svg', {viewBox: '0 0 1000 26', preserveAspectRatio: 'none', role: 'img', 'aria-label': label}, marks);
}
const still = {'vector-effect': 'non-scaling-stroke'};
const upright = (x, from, to, stroke, attributes = {}) =>
  svg('line', {x1: x, x2: x, y1: from, y2: to, stroke, 'stroke-width': 1, ...still, ...attributes});
const across = (x1, x2, stroke, width, attributes = {}) =>
  svg('line', {x1, x2, y1: 13, y2: 13, stroke, 'stroke-width': width, 'stroke-linecap': 'round', ...still, ...attributes});

// Figures of the ratio suite: times as bars, ratios as a median within its middle 80 %, the goal dashed.
function figureRow(figure, [least, most]) {
  const ratio = figure.unit === 'ratio', missed = figure.met === false;
  const x = (value) => 1000 * Math.min(1, Math.max(0, (value - least) / (most - least)));
  const ink = ratio ? (missed ? 'var(--bad)' : figure.met ? 'var(--good)' : 'var(--a)') : figure.name.startsWith('baseline') ? 'var(--soft)' : 'var(--a)';
  const marks = [];
  if (most > least) {
    if (ratio) {
      marks.push(upright(x(1), 0, 26, 'var(--soft)', {opacity: 0.6}));
      for (const round of figure.rounds || []) marks.push(upright(x(round), 17, 25, ink, {opacity: 0.12}));
      marks.push(across(x(figure.p10), x(figure.p90), ink, 3, {opacity: 0.45}), across(x(figure.median), x(figure.median) + 0.1, ink, 10));
    } else {
      marks.push(across(0, x(figure.median), ink, 7, {'stroke-linecap': 'butt', opacity: 0.75}));
      if (figure.samples > 1) marks.push(across(x(figure.p10), x(figure.p90), 'var(--ink)', 1.5, {opacity: 0.6}));
    }
    if (known(figure.at_most)) marks.push(upright(x(figure.at_most), 1, 25, missed ? 'var(--bad)' : 'var(--soft)', {'stroke-dasharray': '3 3', 'stroke-width': 1.5}));
  }
  const goal = known(figure.at_most) ? html('div', {class: `small ${missed ? 'worse' : 'better'}`},
    `${missed ? 'missed' : 'met'}: ≤ ${quantity(figure.at_most, figure.unit)}`) : null;
  const spread = figure.samples > 1 && known(figure.p10)
    ? html('div', {class: 'soft small'}, `${quantity(figure.p10, figure.unit)} to ${quantity(figure.p90, figure.unit)}`) : null;
  return html('div', {class: figure.name.startsWith('baseline') ? 'row baseline' : 'row', 'data-figure': ''}, html('div', {}, figure.name),
    html('div', {class: 'strip'}, strip(`${figure.name}: ${quantity(figure.median, figure.unit)}`, marks)),
    html('div', {class: 'value'}, html('b', {}, quantity(figure.median, figure.unit)), spread, goal));
}

function figuresSection(results) {
  const figures = results.figures || [];
  if (!figures.length && !(results.notes || []).length) return [];
  const notes = (Array.isArray(results.notes) ? results.notes : []).filter((note) => note && typeof note.text === 'string');
  const subjects = [...new Set([...figures, ...notes].map((one) => String(one.subject)))];
  const goals = figures.filter((figure) => known(figure.at_most)), met = goals.filter((figure) => figure.met).length;
  const head = html('p', {class: 'lead'}, `${met} of ${goals.length} goals met. Less is better everywhere; a ratio is ours to its baseline in the same round.`);
  return [html('h2', {}, 'Against what it is made of'), head, ...subjects.map((subject) => {
    const own = figures.filter((figure) => figure.subject === subject);
    const values = (unit) => own.filter((figure) => figure.unit === unit).flatMap((one) => [one.median, one.p10, one.p90, one.at_most]).filter(known);
    // Ratios lie about 1, everything else begins at nothing.
    const reach = (unit) => unit === 'ratio' ? [Math.min(0.9, ...values(unit)) * 0.98, Math.max(1.1, ...values(unit)) * 1.02]
      : [0, Math.max(0, ...values(unit)) * 1.02];
    return card(subject, notes.filter((note) => note.subject === subject).map((note) => note.text).join('; '),
      own.map((figure) => figureRow(figure, reach(figure.unit))));
  })];
}

// Ratios of two results with their intervals, on one logarithmic scale.
function ratioRow(one, threshold, reach) {
  const x = (value) => 500 + 500 * Math.min(1, Math.max(-1, Math.log(Math.max(value, 1e-9)) / Math.log(reach)));
  const ink = {worse: 'var(--bad)', better: 'var(--good)'}[one.verdict] || 'var(--soft)';
  const marks = [upright(500, 0, 26, 'var(--soft)'), ...[threshold, 1 / threshold].map((value) => upright(x(value), 0, 26, 'var(--line)', {'stroke-dasharray': '3 3'}))];
  if (known(one.low)) marks.push(across(x(one.low), x(known(one.high) ? one.high : Infinity), ink, 3, {opacity: 0.5}));
  if (known(one.ratio)) marks.push(across(x(one.ratio), x(one.ratio) + 0.1, ink, known(one.low) ? 10 : 6, known(one.low) ? {} : {opacity: 0.5}));
  const told = one.verdict === 'worse' || one.verdict === 'better';
  const ratio = known(one.ratio) ? `${one.ratio.toFixed(3)}×` : one.verdict === 'worse' ? 'from nothing' : '–';
  const interval = known(one.low) && known(one.high) ? `${one.low.toFixed(3)} to ${one.high.toFixed(3)}` : one.verdict === 'unknown' ? 'no interval' : '';
  return html('div', {class: 'row', 'data-ratio': one.verdict},
    html('div', {}, one.name, html('div', {class: 'soft small'}, `${quantity(one.a, one.unit)} → ${quantity(one.b, one.unit)}`)),
    html('div', {class: 'strip'}, strip(`${one.name}: ${ratio}`, marks)),
    html('div', {class: 'value'}, html('b', told ? {class: one.verdict} : {}, told ? `${one.verdict} ${ratio}` : ratio), html('div', {class: 'soft small'}, interval)));
}

function comparisonSection(comparison) {
  const {ratios, threshold} = comparison, count = (verdict) => ratios.filter((one) => one.verdict === verdict).length;
  const tile = (verdict, label) => html('div', {class: 'tile'}, html('b', {class: count(verdict) ? verdict : ''}, String(count(verdict))), html('span', {}, label));
  const distances = ascending(ratios.flatMap((one) => [one.low, one.high]).filter((value) => value > 0).map((value) => Math.exp(Math.abs(Math.log(value)))));
  const reach = Math.min(4, Math.max(1.25, threshold * 1.1, at(distances, 0.98) || 1));
  const groups = [...new Set(ratios.map((one) => one.subject))].map((subject) => ratios.filter((one) => one.subject === subject));
  const lists = groups.map((own) => {
    const row = (one) => ratioRow(one, threshold, reach);
    const told = own.filter((one) => one.verdict === 'worse' || one.verdict === 'better'), rest = own.filter((one) => !told.includes(one));
    const fold = (text, rows) => html('details', {}, html('summary', {}, html('span', {class: 'soft'}, text)), rows);
    if (ratios.length < 30) return card(own[0].subject, null, own.map(row));
    return card(own[0].subject, null, told.map(row), rest.length ? fold(`${rest.length} not told apart, or without an interval`, rest.map(row)) : null);
  });
  const only = [['a', comparison.only_a], ['b', comparison.only_b]].filter(([, names]) => names.length).map(([side, names]) =>
    html('details', {}, html('summary', {}, 'Only in ', tag(side), html('span', {class: 'soft'}, ` · ${names.length}`)), names.map((name) => html('p', {class: 'small'}, name))));
  return [html('div', {class: 'tiles'}, tile('worse', `worse by more than ${Number(((threshold - 1) * 100).toPrecision(4))} %`), tile('better', 'better by as much'),
    tile('same', 'not told apart'), tile('unknown', 'without an interval')),
    html('p', {class: 'lead small'}, `B / A with its 95 % bootstrap interval; left is faster, right slower, from ${(1 / reach).toFixed(2)}× to ${reach.toFixed(2)}×. Dashed: the threshold of ${short(threshold)}. An interval knows only what varied within each run.`),
    ...lists, ...only];
}

// Where and with what: a row for each thing said.
function factsSection() {
  const rows = [], long = [];
  const say = (value) => typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '–');
  for (const group of ['date', 'program', 'quick', 'seconds', 'machine', 'build', 'libraries']) {
    const found = sides.map((side) => data[side].results[group]), grouped = found.some((one) => one && typeof one === 'object');
    const keys = grouped ? [...new Set(found.flatMap((one) => Object.keys(Object(one))))] : found.some((one) => one !== undefined) ? [null] : [];
    for (const key of keys) {
      const values = found.map((one) => say(key === null ? one : Object(one)[key]));
      const differs = group !== 'date' && new Set(values).size > 1;
      const row = html('tr', {}, html('td', {}, (key === null ? group : key).replaceAll('_', ' ')), values.map((value) => html('td', differs ? {class: 'differs'} : {}, value)));
      (largest(values.map((value) => value.length)) > 120 ? long : rows).push(row);
    }
  }
  const head = sides.length < 2 ? null : html('tr', {}, html('th'), sides.map((side) => html('th', {class: 'ab'}, tag(side), data[side].name)));
  return [html('h2', {}, 'Machine'), html('section', {class: 'card'}, html('table', {class: 'facts'}, head, rows)),
    long.length ? html('details', {}, html('summary', {}, 'More of it'), html('table', {class: 'facts'}, long)) : null];
}

function warnings() {
  const list = [];
  for (const side of sides) {
    const {build, machine, quick} = data[side].results, who = sides.length < 2 ? '' : `${side.toUpperCase()}: `;
    if (Object(build).type && build.type !== 'Release') list.push(`${who}not a release build: the figures say little.`);
    if (quick === true) list.push(`${who}a quick run: it shows that everything runs, the figures say little.`);
    const governor = Object(machine).governor;
    if (typeof governor === 'string' && !['performance', 'unknown', ''].includes(governor)) list.push(`${who}the processor’s clock followed “${governor}”: times vary with it.`);
  }
  if (data.comparison && !data.comparison.same_machine) list.push('Different machines: the ratios say how they differ, not how the program changed.');
  if (data.comparison && !data.comparison.same_build) list.push('Different builds: another compiler or type of build.');
  return list.map((text) => html('p', {class: 'banner'}, text));
}

function header() {
  const title = data.comparison ? 'Two runs compared' : String(data.a.results.program || 'sotto-bench');
  document.title = sides.map((side) => data[side].name).join(' and ') + ' – ' + title;
  const lines = sides.map((side) => {
    const {date, machine, build} = data[side].results;
    const parts = [data[side].name, date, Object(machine).cpu, Object(build).git_revision].filter((part) => typeof part === 'string' && part);
    return html('p', {class: 'lead'}, tag(side), parts.join(' · '));
  });
  return [html('h1', {}, title), ...lines, ...warnings()];
}

function drawAll() { for (const render of renders) render(); }
main.replaceChildren(...[header(), data.comparison ? comparisonSection(data.comparison) : figuresSection(data.a.results),
  runsSection(), factsSection()].flat(9).filter(Boolean));
let wide = main.clientWidth;
new ResizeObserver(() => {
  if (main.clientWidth !== wide) { wide = main.clientWidth; drawAll(); }
}).observe(main);
