import { BarChart } from 'echarts/charts';
import { GridComponent, TitleComponent } from 'echarts/components';
import { format, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

/** Bars beside each other, the first of which is ours. `note` stands behind a bar, such as its value with its spread. */
export type Chart = {
  /** Of the files, without their ending. */
  name: string;
  title: string;
  bars: readonly { label: string; value: number; note: string; isOurs: boolean }[];
};

type Colours = { text: string; line: string; ours: string; others: string };

/** The background is that of the page. */
const LIGHT: Colours = { text: '#1f2328', line: '#8c959f', ours: '#0969da', others: '#afb8c1' };
const DARK: Colours = { text: '#e6edf3', line: '#6e7681', ours: '#4493f8', others: '#57606a' };

const WIDTH = 760;
const BAR_HEIGHT = 34;
const MARGIN = { top: 46, bottom: 12, left: 24, right: 190 };
const LETTER_WIDTH = 7.2;
const FONT = { fontFamily: 'sans-serif', fontSize: 13 };

/** Classes and styles for a pointer. A file has none, and the library numbers them in the order in which a process makes its drawings. */
const HOVER = / class="zr\d+-cls-\d+"|<style\b.*?<\/style>\n?/gs;

use([BarChart, GridComponent, TitleComponent, SVGRenderer]);

/** The same chart for readers of a light page and of a dark one, as SVG. The same chart has the same bytes in every run. */
export function drawChart(chart: Chart): { light: string; dark: string } {
  return { light: draw(chart, LIGHT), dark: draw(chart, DARK) };
}

function draw({ title, bars }: Chart, colours: Colours): string {
  const height = MARGIN.top + MARGIN.bottom + bars.length * BAR_HEIGHT;
  const widest = Math.ceil(Math.max(...bars.map(({ label }) => label.length)) * LETTER_WIDTH);
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  drawing.setOption({
    animation: false,
    backgroundColor: 'transparent',
    textStyle: FONT,
    title: { text: title, left: 8, top: 8, textStyle: { ...FONT, fontSize: 15, color: colours.text } },
    grid: { ...MARGIN, left: MARGIN.left + widest, outerBoundsMode: 'none' },
    xAxis: { type: 'value', min: 0, show: false },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({ label }) => label),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: colours.line } },
      axisLabel: { ...FONT, color: colours.text },
    },
    series: [
      {
        type: 'bar',
        barWidth: '60%',
        data: bars.map(({ value, note, isOurs }) => ({
          value,
          itemStyle: { color: isOurs ? colours.ours : colours.others },
          label: { show: true, position: 'right', formatter: note, ...FONT, color: colours.text },
        })),
      },
    ],
  });
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  const titled = svg.replace(/<svg [^>]*>/, (tag) => `${tag}\n<title>${format.encodeHTML(title)}</title>`);
  return `${titled.replaceAll(HOVER, '').trim()}\n`;
}
