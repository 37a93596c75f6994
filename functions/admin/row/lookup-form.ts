import type { ViewSource } from '../../../shared/model/view-source.ts';
import { type Html, html } from '../ui/html.ts';
import { viewAddress } from '../view-address.ts';

/** Asks for the key of a row. */
export const lookupForm = ({ name, keyColumn }: Pick<ViewSource, 'name' | 'keyColumn'>, key = ''): Html =>
  html`<form class="lookup" action="${viewAddress(name)}/row" role="search" aria-label="Row lookup">
<label><span>Key <span class="note">(${keyColumn})</span></span> <input name="key" value="${key}" required maxlength="1000" autocomplete="off"></label>
<button class="main">Look up</button></form>`;
