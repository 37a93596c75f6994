import { asset } from '../assets.ts';
import type { AdminContext } from '../request.ts';
import { type Html, html } from './html.ts';
import { showNotice } from './notice.ts';

const PLACES = [
  ['/', 'Overview'],
  ['/transactions', 'Transactions'],
  ['/failures', 'Failures'],
  ['/consistency', 'Consistency'],
  ['/report', 'Daily report'],
  ['/sources', 'View sources'],
  ['/audit', 'Audit'],
] as const;

type Page = {
  title: string;
  main: Html;
  /** Seconds after which the page brings itself up to date; never, if it is left out. */
  refreshSeconds?: number;
};

/** Answers a page with everything around its content. */
export function page(c: AdminContext, { title, main, refreshSeconds }: Page): Response | Promise<Response> {
  const { name, role } = c.get('user');
  const { projectId } = c.get('dependencies').config;
  const place = placeOf(c.req.path);
  const links = PLACES.map(
    ([path, label]) =>
      html`<a href="${path}"${path === place ? html` aria-current="page"` : ''}>${label}</a>`,
  );
  const around = html`<header class="bar">
  <a class="brand" href="/">SMart DataHub</a>
  <nav aria-label="Main">${links}</nav>
  <span class="who"><span title="Google Cloud project">${projectId}</span><span>${name} · ${role}</span></span>
</header>`;
  return c.html(
    frame(
      `${title} · SMart DataHub`,
      html`${around}${showNotice(c)}<main id="main" tabindex="-1" data-refresh-seconds="${refreshSeconds ?? 0}">${main}</main>`,
    ),
  );
}

/** A page without navigation, for whoever is not signed in and for failures. */
export const barePage = (title: string, main: Html): Html =>
  frame(`${title} · SMart DataHub`, html`<main id="main" class="bare">${main}</main>`);

const placeOf = (path: string): string =>
  PLACES.map(([each]) => each as string).findLast((each) => path === each || path.startsWith(`${each}/`)) ??
  '';

function frame(title: string, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="${asset('uplot.css')}">
<link rel="stylesheet" href="${asset('admin.css')}">
<script defer src="${asset('uplot.js')}"></script>
<script defer src="${asset('idiomorph.js')}"></script>
<script defer src="${asset('admin.js')}"></script>
</head>
<body><a class="skip" href="#main">Skip to the content</a>${body}</body>
</html>`;
}
