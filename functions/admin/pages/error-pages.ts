import type { DataHubError } from '../../../shared/errors.ts';
import type { Refusal } from '../access/refusal.ts';
import { type Html, html } from '../ui/html.ts';
import { barePage } from '../ui/layout.ts';

export const refusalPage = ({ status, message }: Refusal): Html =>
  barePage(
    status === 401 ? 'Not signed in' : 'Not allowed',
    html`<h1>${status === 401 ? 'You are not signed in' : 'You may not do this'}</h1><p>${message}</p>`,
  );

export const notFoundPage = (): Html =>
  barePage('Not found', html`<h1>There is no such page</h1><p><a href="/">Go to the overview</a></p>`);

export const failurePage = ({ message, advice }: DataHubError): Html =>
  barePage(
    'Failed',
    html`<h1>This page cannot be shown</h1><p>${message}</p><p>${advice}</p><p><a href="">Try again</a></p>`,
  );
