"""Our zone server held against NSD with the same zone, and against those who mean it harm."""
