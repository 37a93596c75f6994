import type { DataHubError } from '../../shared/errors.ts';
import { type Html, html } from './ui/html.ts';

/** What stands in the place of a part of a page that could not be read. */
export const missingPart = (what: string, { message, advice }: DataHubError): Html =>
  html`<div class="missing" role="status"><p><strong>${what} cannot be shown.</strong> ${message}</p><p>${advice}</p></div>`;
