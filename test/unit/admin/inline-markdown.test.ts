import assert from 'node:assert/strict';
import { inlineMarkdown } from '../../../functions/admin/ui/inline-markdown.ts';
import { CLASS_TEXTS } from '../../../shared/model/difference-classes.ts';

const rendered = async (text: string) => String(await inlineMarkdown(text));

describe('a text of the documents on a page', () => {
  it('marks code and links to other places, and leaves links between documents out', async () => {
    assert.equal(
      await rendered('Set `a<b>`, see [the log](https://example.com/?a=1&b=2) and [this](changes.md#x).'),
      'Set <code>a&lt;b&gt;</code>, see <a href="https://example.com/?a=1&amp;b=2">the log</a> and this.',
    );
  });

  it('escapes everything else', async () => {
    assert.equal(await rendered('<b>x</b> [y](javascript:alert)'), '&lt;b&gt;x&lt;/b&gt; y');
  });

  it('shows the reasons why rows differ without marks', async () => {
    for (const { meaning, remedy } of Object.values(CLASS_TEXTS)) {
      assert.doesNotMatch(await rendered(meaning + remedy), /`|\]\(/);
    }
  });
});
