// Time series, drawn by uPlot, which is loaded by the first page that shows one.
import { html, useEffect, useRef, useState } from '../lib.js';
import { ZONE, clock, dayOf, minuteOf } from '../clock.js';
import { number } from '../format.js';
import { Card } from './basic.js';

const DAY_S = 86400;
/** From so many points on, lines are thin: they would run into each other. */
const MANY = 300;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** 12:00; 12:00:30 where minutes are told apart; the day at midnight, and where days are told apart. */
const ticks = (_, times, __, ___, step) => times.map((time) => {
  const shown = clock(time * 1000);
  if (step >= DAY_S || (shown.hours === 0 && shown.minutes === 0 && shown.seconds === 0)) return dayOf(shown);
  return step < 60 ? `${minuteOf(shown)}:${String(shown.seconds).padStart(2, '0')}` : minuteOf(shown);
});

/** Points that no line would show, since nothing is beside them. */
const lone = (plot, nth) => plot.data[nth].flatMap((value, at, all) => (value !== null && (all[at - 1] ?? null) === null && (all[at + 1] ?? null) === null ? [at] : []));

/** A scale for shares in per cent: 0 to 100; where all is nearly well, only the top of it, or nobody sees a dip. */
export function shareRange(_, low) {
  if (low === null || low === undefined || low < 50) return [0, 102];
  return low < 90 ? [50, 101] : [90, 100.2];
}

const fromZero = (_, __, high) => [0, high > 0 ? high * 1.15 : 1];

function options({ Plot, box, times, series, height, shown, range, pick }) {
  const axis = { stroke: color('--faint'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  const width = times.length > MANY ? 1 : 2;
  const lines = series.map(({ label }, nth) => ({ label, stroke: color(`--line-${nth % 8}`), width, points: { show: false, size: 5, filter: lone, fill: color(`--line-${nth % 8}`) } }));
  return {
    width: box.clientWidth, height, tzDate: (at) => Plot.tzDate(new Date(at * 1000), ZONE), legend: { show: false }, cursor: { drag: { x: false, y: false }, y: false, points: { size: 6 } },
    scales: { y: { range } }, axes: [{ ...axis, values: ticks, space: 56, size: 26, gap: 6 }, { ...axis, size: 58, space: 32, values: (_, values) => values.map(shown) }], series: [{}, ...lines],
    hooks: { setCursor: [(plot) => pick(plot.cursor.idx ?? null)] },
  };
}

/**
 * `data`: `[times in s, values…]`, null where there is none; `series`: `[{label, value}]`, the value beside the name while the
 * pointer is elsewhere. `shown(n)` writes a value, `range` is uPlot's for y.
 */
export function Chart({ data, series, height = 180, label, shown = number, range = fromZero }) {
  const box = useRef(null);
  const plot = useRef(null);
  const newest = useRef(data);
  const [at, pick] = useState(null);
  newest.current = data;
  useEffect(() => {
    let gone = false;
    let watch;
    import('../../vendor/uplot.js').then(({ default: Plot }) => {
      if (gone || !box.current) return;
      plot.current = new Plot(options({ Plot, box: box.current, times: newest.current[0], series, height, shown, range, pick }), newest.current, box.current);
      watch = new ResizeObserver(() => plot.current?.setSize({ width: box.current.clientWidth, height }));
      watch.observe(box.current);
    });
    return () => {
      gone = true;
      watch?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [series.map((one) => one.label).join('\n')]);
  useEffect(() => plot.current?.setData(data), [data]);
  const time = at !== null && data[0][at] !== undefined ? clock(data[0][at] * 1000) : null;
  const value = (one, nth) => (time ? data[nth + 1][at] : one.value);
  return html`<div class="stack"><div class="chart" ref=${box} role="img" aria-label=${label}></div>
    <ul class="legend">${series.map((one, nth) => html`<li key=${one.label}><span class=${`swatch line-${nth % 8}`} aria-hidden="true" />${one.label} <strong>${value(one, nth) === undefined ? '' : value(one, nth) === null ? '–' : shown(value(one, nth))}</strong></li>`)}
      ${time && html`<li class="faint">${dayOf(time)} ${minuteOf(time)}</li>`}</ul></div>`;
}

/** A chart with its title and the one number that it comes to. */
export const ChartCard = ({ title, value, note, ...chart }) => html`<${Card} title=${title} data-chart=${chart.name}>
  <p class="reading"><strong>${value}</strong><span class="faint">${note}</span></p><${Chart} label=${title} ...${chart} /><//>`;
