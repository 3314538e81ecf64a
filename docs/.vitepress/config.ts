import { defineConfig } from 'vitepress';

/** The pages by task. Each page is also readable as a file. */
const sidebar = [
  {
    text: 'Start',
    items: [
      { text: 'What it is', link: '/' },
      { text: 'On a DECNET host', link: '/decnet-host' },
      { text: 'Many hosts, as services', link: '/install' },
      { text: 'Configuration', link: '/configuration' },
      { text: 'Redis', link: '/redis' },
    ],
  },
  {
    text: 'Operate',
    items: [
      { text: 'The dashboard', link: '/dashboard' },
      { text: 'Filters', link: '/filters' },
      { text: 'Alarms', link: '/alarms' },
      { text: 'Silences', link: '/silences' },
      { text: 'States, reasons and errors', link: '/states-and-errors' },
      { text: 'Check an installation', link: '/doctor' },
      { text: 'Traces and logs', link: '/telemetry' },
      { text: 'Backup', link: '/backup' },
      { text: 'Upgrading', link: '/upgrade' },
      { text: 'Capacity and performance', link: '/performance' },
      { text: 'Security', link: '/security' },
    ],
  },
  {
    text: 'Reference',
    items: [
      { text: 'Commands', link: '/commands' },
      { text: 'Use it from a program', link: '/api' },
      { text: 'Building a fleet', link: '/FLEET_BUILDER' },
      { text: 'The contract', link: '/CONTRACT' },
      { text: 'The bus', link: '/BUS' },
      { text: 'A DECNET host', link: '/DOMAIN' },
      { text: 'Glossary', link: '/glossary' },
    ],
  },
  {
    text: 'Inside',
    items: [
      { text: 'Architecture', link: '/architecture' },
      { text: 'The pages', link: '/UI' },
      { text: 'Decisions', link: '/decisions/README' },
    ],
  },
];

export default defineConfig({
  title: 'decnet-fleet',
  description: 'Keeps the fleet table of a DECNET deception network in sync with what is actually running',
  base: process.env.DOCS_BASE ?? '/',
  outDir: '../dist-docs',
  cacheDir: '../node_modules/.cache/vitepress',
  cleanUrls: true,
  // Files of the repository that are no pages; test/docs.test.ts checks these links.
  ignoreDeadLinks: [/^\.\/\.\.\//],
  markdown: {
    html: false,
    // The pages are plain Markdown, in which double braces are text. Code has them already so.
    config: (md) => {
      md.core.ruler.push('braces', ({ tokens }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? []))
          if (token.type === 'text') token.content = token.content.replaceAll('{{', '{\u2060{');
      });
    },
  },
  // The default fonts are part of the theme; no page loads anything from elsewhere.
  themeConfig: { sidebar, search: { provider: 'local' }, outline: [2, 3] },
});
