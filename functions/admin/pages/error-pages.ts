import { adviceByHand, type DataHubError } from '../../../shared/errors.ts';
import type { Refusal } from '../access/refusal.ts';
import { type Html, html } from '../ui/html.ts';
import { barePage } from '../ui/layout.ts';

const REFUSALS: Record<Refusal['status'], { title: string; heading: string }> = {
  401: { title: 'Not signed in', heading: 'You are not signed in' },
  403: { title: 'Not allowed', heading: 'You may not do this' },
  405: { title: 'Not possible', heading: 'This cannot be done here' },
  413: { title: 'Too large', heading: 'The form is too large' },
};

export function refusalPage({ status, message }: Refusal): Html {
  const { title, heading } = REFUSALS[status];
  return barePage(title, html`<h1>${heading}</h1><p>${message}</p>`);
}

export const notFoundPage = (): Html =>
  barePage('Not found', html`<h1>There is no such page</h1><p><a href="/">Go to the overview</a></p>`);

/** A form cannot be sent again by its address. */
export function failurePage(error: DataHubError, isForm: boolean): Html {
  const what =
    error.kind === 'bug'
      ? html`<p>SMart DataHub has an error of its own. Nothing else stops because of it.</p>
<p>The log of the function admin has a line “admin page failed” with the place in the program: report it.</p>`
      : html`<p>${error.message}</p><p>${adviceByHand(error, 'page')}</p>`;
  return isForm
    ? barePage(
        'Failed',
        html`<h1>The form failed</h1>${what}<p>Whether it was done stands in <a href="/audit">the audit</a>.</p>`,
      )
    : barePage('Failed', html`<h1>This page cannot be shown</h1>${what}<p><a href="">Try again</a></p>`);
}
