"""Parts of the Compare panel: galleries, the chosen ROI, the nearest real ones, the view."""
