// @ts-check
// Everything but charts, the reader's time zone and the refresh works without this script.

(() => {
  const { Idiomorph, uPlot } = /** @type {any} */ (window);

  /** @param {string} name */
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
  const localClock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

  /** Writes times in the zone of the reader; UTC is what they have as a title. Today's times have no date. @param {ParentNode} root */
  function localizeTimes(root) {
    const today = new Date().toDateString();
    for (const time of root.querySelectorAll('time')) {
      const date = new Date(time.dateTime);
      const format = date.toDateString() === today ? localClock : localTime;
      time.textContent = format.format(date);
    }
  }

  const ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

  /** @param {number} number */
  const two = (number) => String(number).padStart(2, '0');

  /** A time as an input of days, or of days and times, takes it. @param {Date} time @param {string} type */
  function inputText(time, type) {
    const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
    return type === 'date' ? day : `${day}T${two(time.getHours())}:${two(time.getMinutes())}`;
  }

  /** The time that an input has; the last day of a range belongs to it. @param {HTMLInputElement} input */
  function timeOf({ name, type, value }) {
    const time = new Date(type === 'date' ? `${value}T00:00` : value);
    if (type === 'date' && name === 'to') time.setDate(time.getDate() + 1);
    return time;
  }

  /**
   * Lets forms show and take times of the reader's zone, and send them in UTC. What nobody has changed is sent as it came: it may have seconds, or be
   * the second of two hours that look alike when summer ends. @param {ParentNode} root
   */
  function localizeInputs(root) {
    for (const found of root.querySelectorAll('input[data-time]:not([data-shown])')) {
      const input = /** @type {HTMLInputElement} */ (found);
      const given = input.dataset.time ?? '';
      const isLastDay = input.type === 'date' && input.name === 'to';
      input.value =
        given === '' ? '' : inputText(new Date(Date.parse(given) - Number(isLastDay)), input.type);
      input.dataset.shown = input.value;
      const zone = input.closest('label')?.querySelector('.zone');
      if (zone) zone.textContent = `(${ZONE})`;
      input.form?.addEventListener('formdata', ({ formData }) => {
        if (input.value === '') return;
        const time = timeOf(input);
        if (input.value === input.dataset.shown) formData.set(input.name, given);
        else if (!Number.isNaN(time.getTime())) formData.set(input.name, time.toISOString());
      });
    }
  }

  const axisClock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
  const axisDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
  const chartTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

  /** A midnight is written as its day. @param {number} seconds */
  function axisTime(seconds) {
    const date = new Date(seconds * 1000);
    return (date.getHours() + date.getMinutes() === 0 ? axisDay : axisClock).format(date);
  }

  const SI = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

  const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

  /** "B" also stands for a billion where a number is written short. @param {number} amount */
  function bytes(amount) {
    const unit = Math.min(Math.max(0, Math.floor(Math.log10(amount) / 3)), BYTES.length - 1);
    return amount < 1 ? '0 B' : `${SI.format(amount / 1000 ** unit)} ${BYTES[unit]}`;
  }

  /** @param {HTMLElement} figure */
  function drawChart(figure) {
    const plot = figure.querySelector('.plot');
    if (!(plot instanceof HTMLElement)) return;
    const { unit, kind, times, series } = JSON.parse(figure.dataset.chart ?? '{}');
    const written = (/** @type {number} */ value) =>
      unit === 'bytes' ? bytes(value) : `${SI.format(value)}${unit === 'seconds' ? ' s' : ''}`;
    const isStacked = kind === 'stacked bars';
    /** @type {(number | null)[][]} */
    const drawn = series.map((/** @type {{values: (number|null)[]}} */ { values }) => values);
    // Stacked bars: each series stands on those before it, and the highest is drawn first.
    if (isStacked) {
      for (let i = 1; i < drawn.length; i += 1) {
        drawn[i] = (drawn[i] ?? []).map((value, at) => (value ?? 0) + (drawn[i - 1]?.[at] ?? 0));
      }
    }
    const order = drawn.map((_, i) => i);
    if (isStacked) order.reverse();
    const axis = {
      stroke: color('--text-soft'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
    };
    plot.replaceChildren();
    new uPlot(
      {
        width: plot.clientWidth,
        height: 180,
        cursor: { y: false },
        legend: { live: true },
        axes: [
          {
            ...axis,
            size: 30,
            values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(axisTime),
          },
          {
            ...axis,
            size: 60,
            values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(written),
          },
        ],
        scales: {
          y: {
            range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => [
              Math.min(0, low ?? 0),
              Math.max(1, high ?? 1),
            ],
          },
        },
        // Where nothing is pointed at, the legend has names without values.
        series: [
          {
            value: (/** @type {any} */ _, /** @type {number | null} */ seconds) =>
              seconds === null ? '' : chartTime.format(seconds * 1000),
          },
          ...order.map((i) => ({
            label: series[i].label,
            stroke: color(`--chart-${i + 1}`),
            fill: kind === 'line' ? undefined : color(`--chart-${i + 1}`),
            width: kind === 'line' ? 2 : 0,
            points: { show: false },
            paths:
              kind === 'line'
                ? undefined
                : uPlot.paths.bars({ size: [isStacked || i === 0 ? 0.8 : 0.4, 24] }),
            value: (
              /** @type {any} */ _,
              /** @type {number | null} */ value,
              /** @type {any} */ __,
              /** @type {number | null} */ at,
            ) => {
              if (at === null) return '';
              const own = isStacked ? series[i].values[at] : value;
              return own === null || own === undefined ? '–' : written(own);
            },
          })),
        ],
      },
      [times, ...order.map((i) => drawn[i])],
      plot,
    );
  }

  /** @param {HTMLElement} place */
  function drawSpark(place) {
    const values = JSON.parse(place.dataset.spark ?? '[]');
    place.replaceChildren();
    if (values.length === 0) return;
    new uPlot(
      {
        width: 120,
        height: 24,
        padding: [2, 0, 0, 0],
        cursor: { show: false },
        legend: { show: false },
        axes: [{ show: false }, { show: false }],
        scales: {
          x: { time: false },
          y: {
            range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ high) => [
              0,
              Math.max(1, high),
            ],
          },
        },
        series: [
          {},
          {
            fill: color('--chart-1'),
            width: 0,
            paths: uPlot.paths.bars({ size: [0.7, 8] }),
            points: { show: false },
          },
        ],
      },
      [values.map((/** @type {number} */ _, /** @type {number} */ i) => i), values],
      place,
    );
  }

  /** @param {ParentNode} root */
  function enliven(root) {
    localizeTimes(root);
    localizeInputs(root);
    for (const figure of root.querySelectorAll('[data-chart]'))
      drawChart(/** @type {HTMLElement} */ (figure));
    for (const place of root.querySelectorAll('[data-spark]')) drawSpark(/** @type {HTMLElement} */ (place));
  }

  /** A field that somebody may have filled in. @param {Node} node */
  const isField = (node) =>
    node instanceof HTMLSelectElement ||
    node instanceof HTMLTextAreaElement ||
    (node instanceof HTMLInputElement && node.type !== 'hidden');

  /** Gives each section an id, by which Idiomorph finds it again when something appears before it. @param {ParentNode} root */
  function identifySections(root) {
    for (const section of root.querySelectorAll('section[aria-labelledby]'))
      section.id = `section-${section.getAttribute('aria-labelledby')}`;
  }

  /** Brings the page up to date, unless nobody sees it. What the reader has opened, typed or focused stays. @param {HTMLElement} main */
  async function refresh(main) {
    if (document.hidden) return;
    const response = await fetch(location.href, { credentials: 'same-origin' });
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('#main');
    if (!response.ok || fresh === null) throw new Error(`the page answered ${response.status}`);
    identifySections(fresh);
    Idiomorph.morph(main, fresh, {
      // The element itself, not what is in it: as content, it would have to become its own child.
      morphStyle: 'outerHTML',
      callbacks: {
        // Idiomorph's own options for the focused element would keep all that is in it: a click on the page focuses the whole of it.
        beforeNodeMorphed: (/** @type {Node} */ old) => !isField(old),
        beforeAttributeUpdated: (/** @type {string} */ name) => name !== 'open',
      },
    });
    enliven(main);
  }

  const main = document.querySelector('#main');
  if (!(main instanceof HTMLElement)) return;
  identifySections(main);
  // Outside of main there may be a notice with a time.
  enliven(document);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => enliven(main));

  // The charts are as wide as the page was when they were drawn.
  let width = innerWidth;
  addEventListener('resize', () => {
    if (innerWidth === width) return;
    width = innerWidth;
    enliven(main);
  });

  // The page says after how long, and each refreshed page may say it anew: 0 for never again.
  const later = () => {
    const seconds = Number(main.dataset.refreshSeconds ?? 0);
    if (seconds === 0) return;
    setTimeout(() => {
      refresh(main)
        .then(() => document.body.classList.remove('stale'))
        .catch(() => document.body.classList.add('stale'))
        .finally(later);
    }, seconds * 1000);
  };
  later();
})();
