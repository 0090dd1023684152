// Time series, drawn by uPlot, which is loaded by the first page that shows one.
import { html, useEffect, useRef } from '../lib.js';

const two = (n) => String(n).padStart(2, '0');
/** 12:00, or 12:00:30 where minutes are told apart. */
const clock = (_, times, __, ___, step) => times.map((time) => {
  const date = new Date(time * 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}${step < 60 ? `:${two(date.getSeconds())}` : ''}`;
});
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * `data`: `[times in s, values…]`; `series`: `[{label, stroke}]`, stroke a custom property of the stylesheet. With `window`, so many
 * seconds up to the newest are shown, however few there are.
 */
export function Chart({ data, series, height = 160, label, window = 0 }) {
  const box = useRef(null);
  const plot = useRef(null);
  useEffect(() => {
    let gone = false;
    let watch;
    import('../../vendor/uplot.js').then(({ default: Plot }) => {
      if (gone || !box.current) return;
      const axis = { stroke: color('--faint'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
      const lines = series.map(({ label, stroke }) => ({ label, stroke: color(stroke), width: 2, points: { show: false } }));
      const options = {
        width: box.current.clientWidth, height, legend: { show: false }, cursor: { drag: { x: false, y: false } },
        scales: { x: { range: (_, low, high) => (window ? [high - window, high] : [low, high]) }, y: { range: (_, low, high) => [0, Math.max(high * 1.15, 1)] } }, axes: [{ ...axis, values: clock }, { ...axis, size: 46 }], series: [{}, ...lines],
      };
      plot.current = new Plot(options, data, box.current);
      watch = new ResizeObserver(() => plot.current?.setSize({ width: box.current.clientWidth, height }));
      watch.observe(box.current);
    });
    return () => {
      gone = true;
      watch?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [data]);
  return html`<div class="chart" ref=${box} role="img" aria-label=${label}></div>`;
}
