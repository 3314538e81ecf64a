// Updates pages that the server rendered: ages tick, changes appear, filters apply immediately.

import { tick } from './ages.ts';
import './filters.ts';
import './keys.ts';
import './map.ts';
import { listen, showHealth } from './stream.ts';
import './theme-button.ts';

tick();
setInterval(() => {
  tick();
  showHealth();
}, 1000);
listen();
