"""SiteConstruction: a crew of machines excavates, hauls, levels and sinters a landing pad."""
