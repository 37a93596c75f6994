import { formatSeconds, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import type { Phase } from './phases.ts';

/** Parts of the whole; the drawing is stretched to the width of the page. */
const WIDTH = 1000;
/** A phase that is short beside the others can still be seen. */
const MIN_WIDTH = 4;

/** The phases as bars on one line, and in words. */
export function timeLine(phases: readonly Phase[], nowMs: number): Html {
  const startMs = phases[0]?.startedAt.getTime() ?? nowMs;
  const endOf = ({ endedAt }: Phase) => endedAt?.getTime() ?? nowMs;
  const wholeMs = Math.max(1, ...phases.map((phase) => endOf(phase) - startMs));
  const at = (ms: number) => Math.round(((ms - startMs) / wholeMs) * WIDTH);
  let left = 0;
  const bars = phases.map((phase, i) => {
    const x = Math.min(left, WIDTH - MIN_WIDTH);
    left = Math.max(at(endOf(phase)), x + MIN_WIDTH);
    return html`<rect class="phase-${i + 1}" x="${x}" y="0" width="${left - x}" height="16"></rect>`;
  });
  const items = phases.map(
    (phase, i) => html`<li><span class="key phase-${i + 1}" aria-hidden="true"></span> ${phase.name}:
<strong>${formatSeconds((endOf(phase) - phase.startedAt.getTime()) / 1000)}</strong>${phase.endedAt === null ? ' so far' : ''}
<span class="note">${showTime(phase.startedAt)} – ${phase.endedAt === null ? 'now' : showTime(phase.endedAt)}</span></li>`,
  );
  return html`<div class="time-line"><svg viewBox="0 0 ${WIDTH} 16" preserveAspectRatio="none" aria-hidden="true">${bars}</svg>
<ol>${items}</ol></div>`;
}
