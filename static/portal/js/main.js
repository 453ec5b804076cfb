import "./keys.js";
import "./swap.js";
import "./palette.js";
import "./rows.js";
import "./ui.js";
