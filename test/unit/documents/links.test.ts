import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { brokenLinks } from '../../support/broken-links.ts';
import { ROOT, readDocuments } from '../../support/documents.ts';

describe('links in the documents', () => {
  it('lead to existing files and headings', async () => {
    const documents = await readDocuments();

    assert.ok(documents.some(({ path }) => path === 'README.md'));
    assert.deepEqual(
      brokenLinks(documents, (path) => existsSync(join(ROOT, path))),
      [],
    );
  });

  const GUIDE = {
    path: 'docs/guide.md',
    text: [
      '# The `guide`: *what* it is, 1.0 & more!',
      '## Again',
      '## Again',
      '## See [the tests](../test)',
      '## snake_case and naïve',
      '<a id="given"></a>',
      '```sh',
      '# No heading',
      '[no link](gone.md)',
      '```',
    ].join('\n'),
  };
  const brokenIn = (text: string) =>
    brokenLinks([{ path: 'README.md', text }, GUIDE], (path) => ['LICENSE', 'docs', 'test'].includes(path));

  for (const target of [
    'LICENSE',
    './test',
    'docs/guide.md',
    'docs/guide.md#the-guide-what-it-is-10--more',
    'docs/guide.md#again',
    'docs/guide.md#again-1',
    'docs/guide.md#see-the-tests',
    'docs/guide.md#snake_case-and-na%C3%AFve',
    'docs/guide.md#given',
    'https://example.com/gone#gone',
    'mailto:ann@example.com',
  ]) {
    it(`are valid: ${target}`, () => {
      assert.deepEqual(brokenIn(`See [it](${target} "title").`), []);
    });
  }

  for (const target of [
    'LICENCE',
    '../LICENSE',
    'guide.md',
    'docs/guide.md#again-2',
    'docs/guide.md#Again',
    'docs/guide.md#no-heading',
    '#again',
  ]) {
    it(`are broken: ${target}`, () => {
      assert.deepEqual(brokenIn(`# One\n\nSee [it](${target}).`), [`README.md:3: ${target}`]);
    });
  }

  it('are found in every form, but not in code', () => {
    const text = '![a](one.png)\n[b]\n\n[b]: two.md\n<img alt="c" src="three.png">\n`[d](four.md)`';

    assert.deepEqual(brokenIn(text), [
      'README.md:1: one.png',
      'README.md:4: two.md',
      'README.md:5: three.png',
    ]);
  });
});
