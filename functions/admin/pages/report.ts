import { Hono } from 'hono';
import { z } from 'zod';
import { parseFields } from '../parse-fields.ts';
import {
  changesSection,
  checksSection,
  failuresSection,
  totals,
  viewsSection,
} from '../report/report-sections.ts';
import type { AdminEnv } from '../request.ts';
import { html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';
import { empty } from '../ui/section.ts';

const MS_A_DAY = 86_400_000;

const address = z.object({
  day: z.iso
    .date('is not a day, written as YYYY-MM-DD')
    .refine((day) => day >= '2000' && day < '3000', { error: 'is not a day of this millennium' }),
});

/** What happened within one UTC day. */
export function report(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  const today = (nowMs: number) => dayOf(nowMs);
  app.get('/report', (c) => {
    const given = c.req.query('day');
    const day =
      given === undefined
        ? today(c.get('dependencies').clock.nowMs())
        : parseFields(address, { day: given }).day;
    return c.redirect(`/report/${day}`, 303);
  });
  app.get('/report/:day', async (c) => {
    const { day } = parseFields(address, { day: c.req.param('day') });
    const { clock, control } = c.get('dependencies');
    const found = await control.dailyReport.read(day);
    const isToday = day === today(clock.nowMs());
    const isEmpty =
      found.views.length + found.failures.length + found.checks.length + found.schemaChanges.length === 0;
    return await page(c, {
      title: `Report of ${day}`,
      main: html`<h1>Report of ${day}</h1>
<p class="note">The day is that of UTC, from 00:00 to 24:00${isToday ? '; it has not ended yet' : ''}. Times are those of your zone.</p>
<div class="days"><nav aria-label="Days"><a href="/report/${dayOf(Date.parse(day) - MS_A_DAY)}" rel="prev">← previous day</a>
<a href="/report/${dayOf(Date.parse(day) + MS_A_DAY)}" rel="next">next day →</a></nav>
<form action="/report"><label>Day (UTC) <input type="date" name="day" value="${day}" required></label> <button>Go to</button></form></div>
${isEmpty ? empty('Nothing happened on this day, or it is longer ago than the history is kept (KEEP_DAYS).') : html`${totals(found)}${viewsSection(found)}${failuresSection(found, c.get('user'))}${checksSection(found)}${changesSection(found)}`}`,
    });
  });
  return app;
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
